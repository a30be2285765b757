"""The page is parsed by the standard library's parser, as a browser would read it."""

import base64
import re
from html.parser import HTMLParser

import pytest

from raytd.report.page.write import write_report
from raytd.report.saved import read_sweep
from tests.report.conftest import kept

_VOID = {"meta", "img", "br", "link"}
NASTY = '<script>alert("1")</script>&'


class Page(HTMLParser):
    """Tags with their attributes, and text; closes what it opens."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def text(self) -> str:
        return " ".join(self.words)


@pytest.fixture(scope="module")
def rows(row):
    return [
        row(s, t, value + seed / 8, model=model, seed=seed, distance=1.0)
        for model, value in (("cnn8", 2.0), ("wrn-16-4", 1.5))
        for s, t in ("ab", "ba", "ac", "ca", "bc", "cb")
        for seed in (0, 1)
    ]


def written(folder):
    report = write_report(read_sweep(folder))
    return Page(report.page.read_text()), report


@pytest.fixture(scope="module")
def clean(rows, tmp_path_factory):
    """The page and the report of rows of which nothing is doubtful."""
    return written(kept(tmp_path_factory.mktemp("clean"), rows))


def test_every_tag_is_closed_and_tables_have_headers(clean):
    page, _ = clean
    assert page.open == []
    assert len(page.all("table")) == len(page.all("caption")) >= 3
    assert {attributes.get("scope") for attributes in page.all("th")} == {"col", "row"}
    assert page.all("html") == [{"lang": "en"}]


def test_figures_are_inside_with_words_for_those_who_cannot_see_them(clean):
    page, report = clean
    images = page.all("img")
    assert len(images) == len(report.files) / 3 == len(page.all("figcaption"))
    for image in images:
        kind, content = str(image["src"]).split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        assert b"<svg" in base64.b64decode(content)
        assert len(str(image["alt"])) > 20


def test_nothing_is_loaded_from_anywhere(clean):
    page, _ = clean
    assert not page.all("script")
    assert not page.all("link")
    sources = [v for _, a in page.tags for k, v in a.items() if k in ("src", "href")]
    assert all(str(source).startswith("data:") for source in sources)


def test_figures_are_those_that_make_sense(clean):
    _, report = clean
    stems = list(dict.fromkeys(path.stem for path in report.files))
    assert stems == [
        "distances-coupled",
        "noise-free-length-coupled",
        "scatter-model-distance-cnn8-wrn-16-4-coupled",
        "scatter-model-noise-free-length-cnn8-wrn-16-4-coupled",
        "convergence",
        "losses",
        "map-distance-coupled-cnn8",
        "map-distance-coupled-wrn-16-4",
    ]


def test_two_models_are_compared(clean):
    page, _ = clean
    assert "wrn-16-4 is smaller than cnn8 in 6 of 6 pairs" in page.text
    assert "Wilcoxon signed-rank p = 0.031 over 6 pairs" in page.text


def test_one_seed_and_missing_trials_are_said(rows, keep):
    folder = keep([r for r in rows if (r["model"], r["seed"]) == ("cnn8", 0)])
    plan = (folder / "plan.json").read_text()
    (folder / "plan.json").write_text(plan.replace('"k00"', '"k99"'))
    page, _ = written(folder)
    assert "one seed: nothing is known of how much the numbers scatter" in page.text
    assert "1 of 6 trials have not ended" in page.text


DOUBTS = [
    ({"arrived": False}, "1 of 24 trials did not arrive"),
    (
        {"source_accuracy": 0.2, "source_val_images": 50, "source_chance": 0.2},
        "1 of 24 trials with a source that is no better than guessing",
    ),
    ({"coupling_converged": False}, "1 of 24 trials with a coupling that did not converge"),
    ({"distance_converged": False}, "1 of 24 trials still moving"),
    ({"protocol": "p2"}, "2 protocols"),
    ({"status": "failed", "value": None, "error": "no space"}, "1 of 24 trials failed"),
    ({"warnings": "the source model is weak"}, "the source model is weak"),
]


def test_each_doubt_stands_above_the_numbers_and_everything_is_escaped(rows, clean, keep):
    """One row has each fault; rows without any have none of these words."""
    faults = [fault for fault, _ in DOUBTS]
    faulty = [r | fault for r, fault in zip(rows, faults, strict=False)]
    last = [r | {"warnings": NASTY} for r in rows[len(faults) :]]
    page, _ = written(keep([*faulty, *last], description=NASTY))
    words = [words for _, words in DOUBTS]
    assert [said for said in words if said not in page.text] == []
    assert [said for said in words if said in clean[0].text] == []
    assert "wrn-16-4 is smaller than cnn8" in page.text
    assert not page.all("script")
    assert page.text.count('alert("1")') >= 2


def test_a_warning_whose_figures_differ_from_trial_to_trial_stands_once(rows, keep):
    """As seen in a browser: 42 lines said that drawn labels leave an error, of .21, of .24, …"""
    texts = [
        "an error of about 0.21 (11%)",
        "an error of about 3e-05 (9%)",
        "an error of about 1 (8%)",
    ]
    texts += ["task 'a1' has one class", "task 'a2' has one class", "task 'a2' has one class"]
    warned = [r | {"warnings": text} for r, text in zip(rows, texts, strict=False)]
    page, _ = written(keep([*warned, *rows[len(texts) :]]))
    above = page.text.split("Before believing", 1)[1].split("\n", 1)[0]
    assert "an error of about 0.21 (11%) (and 2 times more with other figures)" in above
    assert above.count("an error of about") == 1
    assert [above.count(f"task 'a{n}' has one class") for n in (1, 2)] == [1, 1]


def test_the_same_rows_give_the_same_bytes(rows, keep, tmp_path):
    saved = read_sweep(keep(rows[:4]))
    first, second = (write_report(saved, tmp_path / name) for name in "xy")
    for one, other in zip((first.page, *first.files), (second.page, *second.files), strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_sweep_without_results_has_a_page(row, keep):
    page, report = written(keep([row("a", "b", None, status="failed", error="no space")]))
    assert report.files == ()
    assert "1 of 1 trial failed: a → b (cnn8, seed 0)" in page.text
    assert "failed: no space" in page.text


def test_one_model_is_not_compared_and_sources_with_the_same_weights_are_flagged(rows, keep):
    of_one = [r for r in rows if r["model"] == "cnn8"]
    shared = [r | {"source_weights": "w" if r["source"] in "ab" else r["source"]} for r in of_one]
    page, report = written(keep(shared))
    assert "is smaller than" not in page.text
    n = sum(r["source"] in "ab" for r in of_one)
    assert f"{n} of 12 trials with a source that has the same weights as another" in page.text
    assert page.text.count("same weights as source a") > n / 2
    (csv,) = (path for path in report.files if path.name == "distances-coupled.csv")
    assert "same weights as source b" in csv.read_text()
    assert "A star marks a doubtful number." in page.text


def test_a_source_at_chance_is_named_once_above_the_numbers(rows, keep):
    chance = {"source_accuracy": 0.2, "source_val_images": 50, "source_chance": 0.2}
    found = [r | chance if r["source"] == "a" else r for r in rows if r["model"] == "cnn8"]
    page, _ = written(keep(found))
    said = page.text.split("says nothing: ", 1)[1].split("</li>")[0]
    assert said.split(", a ")[0].startswith("a (cnn8")
    assert said.count("(cnn8, seed 0)") == 1


def test_headings_wrap_so_that_the_notes_stay_in_sight_and_names_of_tasks_do_not(clean):
    """As seen in a browser: headings on one line pushed the last columns out of the page."""
    (style,) = re.findall(r"<style>(.*?)</style>", clean[1].page.read_text(), re.DOTALL)
    whole = {part.split("{")[0].strip() for part in style.split("}") if "nowrap" in part}
    assert whole == {"td.n", "tbody th"}
