"""The page as Chromium lays it out: on a screen and on a phone."""

import json
import re
import shutil
import subprocess
from itertools import permutations

import pytest

from raytd.report.page.write import write_report
from raytd.report.saved import read_sweep
from tests.report.conftest import kept

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SCREEN, PHONE = (1280, 800), (390, 844)

MEASURE = """
<body>%s<script>
const measured = frame => {
  const page = frame.contentDocument, root = page.documentElement, height = frame.clientHeight;
  const bottom = e => e.getBoundingClientRect().bottom;
  return {
    wanted: root.scrollWidth, given: frame.clientWidth,
    sticking_out: [...page.body.querySelectorAll('*')].filter(e =>
      e.getBoundingClientRect().right > frame.clientWidth + 1 && !e.closest('.wide, .hidden')
    ).map(e => e.outerHTML.slice(0, 80)),
    broken: [...page.querySelectorAll('.name')].filter(e =>
      e.textContent.length < 25 && e.offsetHeight > 2 * parseFloat(getComputedStyle(e).fontSize)
    ).map(e => e.textContent),
    cards: [...page.querySelectorAll('article')].filter(e => bottom(e) <= height).length,
    matrices: page.querySelectorAll('.matrix').length,
  };
};
window.onload = () => {
  const found = [...document.querySelectorAll('iframe')].map(measured);
  document.body.innerHTML = '<pre>' + JSON.stringify(found).replaceAll('<', ' ') + '</pre>';
};
</script></body>
"""


@pytest.fixture(scope="module")
def laid_out(row, tmp_path_factory):
    """What is measured on the screen and on the phone, of seven tasks and three methods."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    folder = tmp_path_factory.mktemp("page")
    report = write_report(read_sweep(kept(folder, rows(row), description="Seven tasks. " * 9)))
    frame = "<iframe src='{}' width={} height={} style='border: 0'></iframe>"
    frames = "".join(frame.format(report.page.as_uri(), *size) for size in (SCREEN, PHONE))
    (folder / "measure.html").write_text(MEASURE % frames)
    said = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
         f"--user-data-dir={folder / 'profile'}", "--window-size=1400,2000", "--dump-dom",
         (folder / "measure.html").as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    (found,) = re.findall(r"<pre>(.*?)</pre>", said, re.DOTALL)
    return json.loads(found)


def rows(row):
    tasks = ("digits-low", "digits-high", "digits-even", "digits-odd", "digits", "tops", "summer")
    model = "raytd.models.cnn:CNN8(widths=(8, 8, 16, 16, 32, 32, 32))"
    return [
        row(*pair, 1 + n / 10, method=method, model=model, distance_error=0.125, distance=None,
            arrived=n % 5 > 0, noise_free_length=None,
            smaller_is_closer=method != "h-score")
        for method in ("coupled-aligned", "weight-distance", "h-score")
        for n, pair in enumerate(permutations(tasks, 2))
    ]  # fmt: skip


@pytest.mark.browser
def test_nothing_is_wider_than_the_window(laid_out):
    for size, found in zip((SCREEN, PHONE), laid_out, strict=True):
        assert found["given"] == size[0]
        assert found["sticking_out"] == []
        assert found["wanted"] <= size[0]


@pytest.mark.browser
def test_names_are_not_broken_at_their_hyphens(laid_out):
    """As seen in a browser: `h-` at the end of a line and `score` on the next."""
    assert [found["broken"] for found in laid_out] == [[], []]


@pytest.mark.browser
def test_the_answers_for_most_of_seven_targets_stand_on_the_first_screen(laid_out):
    screen, phone = laid_out
    assert screen["matrices"] == 3
    assert screen["cards"] >= 4
    assert phone["cards"] >= 1
