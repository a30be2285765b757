"""What the README says to click in MLflow, clicked in Chromium on the pages of a real server."""

import itertools
import shutil
import statistics
from collections.abc import Iterator

import pytest

from raytd.sweep.folder.ledger import Ledger
from raytd.sweep.trials.plan import SweepPlan
from tests.cli.commands import run_here
from tests.servers import TrackingServer
from tests.sweep import small

playwright = pytest.importorskip("playwright.sync_api", reason="needs raytd[browser]")
Page, expect = playwright.Page, playwright.expect

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium"),
]

SWEEP = """
name: wrn-vs-cnn
description: Does a larger network make tasks closer?
tasks: [digits-low, digits-high]
data: {train: 20, val: 10}
pairs: [[digits-low, digits-high]]
methods: [coupled]
grid: {model: [cnn8-narrow, wrn-10-1], seed: [0, 1]}
coupled: {iterations: 2, tile_size: 5}
trajectory: {steps: 20, batch_size: 8, lr: 0.01, segments: 20}
pretrain: {epochs: 1, batch_size: 10}
stop: {tolerance: 0}
tracking: {experiment: capacity}
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> SweepPlan:
    """A sweep over two networks and two seeds that has ended."""
    folder = tmp_path_factory.mktemp("browser")
    plan = small.planned(SWEEP, folder, storage=folder / "runs")
    small.run(plan, plan.trials)
    return plan


@pytest.fixture(scope="module")
def link(plan: SweepPlan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address that `raytd sync` prints, at a server that has the sweep."""
    server = TrackingServer(tmp_path_factory.mktemp("server"))
    server.start()
    folder = plan.folder.parents[1]
    sent = run_here(folder, "sync", "wrn-vs-cnn", "--tracking-uri", server.url)
    assert sent.returncode == 0, sent.stderr
    yield sent.stdout.split()[-1]
    server.stop()


@pytest.fixture
def page() -> Iterator[Page]:
    """An empty page of a browser that was never used."""
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu"]  # in a container root has no sandbox
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 2000, "height": 1000})
        page.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield page
        browser.close()


def means(plan: SweepPlan) -> dict[str, float]:
    """The mean distance of each network."""
    rows = sorted(Ledger(plan.folder).rows(), key=lambda row: row["model"])
    return {
        model: statistics.fmean(row["distance"] or 0 for row in group)
        for model, group in itertools.groupby(rows, key=lambda row: row["model"])
    }


def names(page: Page) -> list[str]:
    """The four runs in the list, from top to bottom."""
    links = page.locator("[role=gridcell] a[href*='/runs/']")
    expect(links).to_have_count(4)
    return links.all_inner_texts()


def ends_of_lines(page: Page, metric: str) -> dict[str, float]:
    """Where the line of each group ends in the chart of a metric."""
    page.get_by_placeholder("Search metric charts").fill(f"^{metric}$")
    page.wait_for_function("document.querySelectorAll('.js-plotly-plot').length == 1")
    ends: dict[str, float] = page.wait_for_function(
        """metric => {
            const lines = document.querySelector('.js-plotly-plot').data
                .filter(line => line.uuid && line.metricKey == metric)
            return lines.length && Object.fromEntries(
                lines.map(line => [line.uuid.split('.').at(-1), line.y.at(-1)]))
        }""",
        arg=metric,
    ).json_value()
    return ends


def ask_whether_capacity_makes_it_nearer(page: Page) -> dict[str, float]:
    """The three steps of the README."""
    page.get_by_role("button", name="Group by").click()
    page.get_by_role("menuitemcheckbox", name="model", exact=True).last.click()
    page.keyboard.press("Escape")
    page.locator("label:has(input[value=CHART])").click()
    return ends_of_lines(page, "distance")


def test_the_printed_link_opens_the_trials_with_what_tells_them_apart(
    page: Page, link: str
) -> None:
    page.goto(link)
    assert names(page) == [
        f"{model} seed {seed} coupled digits-low->digits-high"
        for model in ("cnn8-narrow", "wrn-10-1")
        for seed in (0, 1)
    ]
    columns = ["metrics.`distance`", "metrics.`arrived`", "params.`model`", "params.`seed`"]
    for column in columns:
        expect(page.locator(f"[role=columnheader][col-id='{column}']")).to_be_visible()


def test_from_the_link_three_steps_answer_whether_capacity_makes_it_nearer(
    page: Page, link: str, plan: SweepPlan
) -> None:
    page.goto(link)
    shown = ask_whether_capacity_makes_it_nearer(page)
    assert shown == pytest.approx(means(plan))


def test_from_home_the_switch_the_experiment_and_the_view_lead_to_the_trials(
    page: Page, link: str, plan: SweepPlan
) -> None:
    page.goto(link.partition("#")[0])
    page.get_by_text("Model training", exact=True).first.click()
    page.get_by_role("link", name="capacity", exact=True).click()
    page.get_by_test_id("saved-views-trigger").click()
    page.get_by_text("wrn-vs-cnn", exact=True).last.click()
    assert len(names(page)) == 4
    assert ask_whether_capacity_makes_it_nearer(page) == pytest.approx(means(plan))
