"""What stands on the page, in which order, and that it needs nothing else."""

import base64

import pytest

from raytd.report.page.write import write_report
from raytd.report.recommend.answer import answers, in_lines
from raytd.report.saved import read_sweep
from tests.report.conftest import kept
from tests.report.page.parsed import Page, text_of

NASTY = '<script>alert("1")</script>&'


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


def test_tables_have_captions_and_headers(clean):
    page, _ = clean
    tables = page.all("table")
    assert len(tables) == len(page.all("caption")) >= 3
    assert {header.get("scope") for header in page.all("th")} == {"col", "row"}
    assert page.root.attrib == {"lang": "en"}


def test_pictures_are_inside_with_words_for_those_who_cannot_see_them(clean):
    page, report = clean
    images = page.all("img")
    matrices = {"distances-coupled", "noise-free-length-coupled"}  # tables on the page
    assert len(images) == len({path.stem for path in report.files} - matrices)
    assert len(images) == len(page.all("figcaption"))
    for image in images:
        kind, content = str(image.get("src")).split(",", 1)
        assert kind == "data:image/svg+xml;base64"
        assert b"<svg" in base64.b64decode(content)
        assert len(str(image.get("alt"))) > 20


def test_nothing_is_loaded_from_anywhere_and_every_link_leads_somewhere(clean):
    page, _ = clean
    assert not page.all("script")
    assert not page.all("link")
    found = [v for e in page.root.iter() for k, v in e.attrib.items() if k in ("src", "href")]
    inside = {link[1:] for link in found if link.startswith("#")}
    assert all(link.startswith("data:") or link[1:] in inside for link in found)
    assert inside <= {element.get("id") for element in page.root.iter()}
    assert "url(" not in page.source


def test_the_answer_comes_first_then_matrices_evidence_trials_and_notes(clean):
    page, _ = clean
    assert list(page.sections) == ["Nearest sources", "Matrices", "Evidence", "Trials", "Notes"]
    (links,) = ([a.get("href") for a in nav] for nav in page.all("nav"))
    assert links == ["#sources", "#matrices", "#evidence", "#trials", "#notes"]
    assert "p1 (coupled)" in page.sections["Notes"]


def test_the_first_section_says_what_recommend_says_and_has_a_bar_for_every_source(rows, clean):
    page, _ = clean
    first = page.sections["Nearest sources"]
    lines = in_lines(answers(rows))
    assert len(lines) >= 3
    assert [line for line in lines if line not in first] == []
    captions = [text for text in map(text_of, page.all("caption")) if text[:12] == "Sources for "]
    assert [caption.split()[2] for caption in captions] == ["a", "b", "c"]
    assert len(page.all("span", "track")) == 3 * 2 * 2  # sources and networks of each target
    assert "2.06 ± 0.062" in first


def lengths(rows, keep, name):
    """How bars and points are drawn."""
    page, _ = written(keep(rows, name=name))
    return [mark.get("style") for mark in page.all("i")], page


def test_a_bar_begins_at_0_and_a_score_is_a_point_between_the_ends(row, keep):
    values = {"ac": 1.0, "bc": 2.0, "dc": 4.0}
    bars = [row(*pair, value, distance_error=0.5) for pair, value in values.items()]
    points = [r | {"smaller_is_closer": False, "unit": "1", "distance": None} for r in bars]
    found, page = lengths(bars, keep, "bars")
    assert found == ["width:22.2%", "width:44.4%", "width:88.9%"]  # of 4.0 and its error
    (track, *_) = page.all("span", "track")
    assert track.find("b").get("style") == "left:11.1%;width:22.2%"
    assert lengths(points, keep, "points")[0] == ["left:100.0%", "left:33.3%", "left:0.0%"]


def test_a_doubtful_source_is_hatched_and_comes_last(row, keep):
    rows = [row("a", "c", 1.0, arrived=False), row("b", "c", 2.0), row("d", "c", 3.0)]
    page, _ = written(keep(rows))
    assert [mark.get("class") for mark in page.all("i")] == ["near", "", "doubtful"]
    first = page.sections["Nearest sources"]
    assert "Before believing a number: 1 of 3 trials did not arrive" in first
    assert "Hatched: doubtful" in first


def test_how_figures_of_one_kind_are_read_is_said_once(clean):
    page, report = clean
    assert len([path for path in report.files if path.stem.startswith("map-")]) == 2 * 3
    said = ["Rows are sources", "Every point is a pair", "Multidimensional scaling"]
    said += ["Cross-entropy on", "Distance after each update", "standard error of the mean"]
    assert [page.text.count(words) for words in said] == [1] * len(said)


def test_matrices_are_tables_whose_darkest_cell_is_the_nearest(row, keep):
    """One colour means near, in distances and in scores."""
    pairs = [("a", "b", 1.0), ("b", "a", 2.0), ("a", "c", 3.0)]
    rows = [row(*pair, noise_free_length=None) for pair in pairs]
    scores = {"method": "leep", "unit": "nats", "smaller_is_closer": False, "distance": None}
    page, _ = written(keep([*rows, *(r | scores for r in rows)]))
    near, far = "#00224e", "#fee838"
    for table, ends in zip(page.all("table", "matrix"), ((near, far), (far, near)), strict=True):
        cells = {text_of(cell): cell.get("style", "") for cell in table.iter("td")}
        assert [cells[text].split(";")[0][11:] for text in ("1.00", "3.00")] == [*ends]
    rulers = [text_of(ruler) for ruler in page.all("p", "soft")]
    assert "near 1.00  far 3.00 rad numbers (CSV)" in rulers
    assert "near 3.00  far 1.00 nats numbers (CSV)" in rulers
    captions = [text_of(table[0]) for table in page.all("table", "matrix")]
    assert captions == ["coupled rad, 1 seed", "leep nats, 1 seed"]


def test_a_cell_without_a_result_says_so_and_the_diagonal_does_not(row, keep):
    rows = [row("a", "b"), row("b", "a", None, status="failed")]
    page, _ = written(keep(rows))
    (table, _) = page.all("table", "matrix")
    cells = [text_of(cell) for cell in table.iter("td")]
    assert cells == ["source, by target", "same task", "1.00", "no result", "same task"]


def test_the_numbers_of_each_figure_can_be_taken_from_the_page(clean):
    page, report = clean
    links = {a.get("download"): a.get("href") for a in page.all("a") if a.get("download")}
    files = {path.name: path.read_bytes() for path in report.files if path.suffix == ".csv"}
    assert {n: base64.b64decode(link.split(",", 1)[1]) for n, link in links.items()} == files


def test_a_judge_stands_in_the_evidence_with_its_table(row, keep, few_resamples):
    pairs = [("a", "b"), ("a", "c"), ("b", "a"), ("b", "c"), ("c", "a"), ("c", "b")]
    truth = {"method": "transfer", "unit": "accuracy", "smaller_is_closer": False}
    rows = [row(*pair, float(n), seed=s) for s in (0, 1) for n, pair in enumerate(pairs)]
    rows += [r | truth | {"value": 1 - r["value"] / 10, "distance": None} for r in rows]
    page, report = written(keep(rows))
    assert "judge-transfer" in {path.stem for path in report.files}
    evidence = page.sections["Evidence"]
    assert "Judged by transfer" in evidence
    assert "+1.00 (+1.00…+1.00)" in evidence
    assert (
        "Ranked by coupled: nothing else was judged here by transfer"
        in page.sections["Nearest sources"]
    )
    assert "accuracy" in page.sections["Nearest sources"]


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


def test_each_doubt_stands_in_the_notes_and_everything_is_escaped(rows, clean, keep):
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
    above = page.text.split("Before believing")[-1].split("The sweep", 1)[0]
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
    assert "W two sources have the same weights" in page.text


def test_a_source_at_chance_is_named_once(rows, keep):
    chance = {"source_accuracy": 0.2, "source_val_images": 50, "source_chance": 0.2}
    found = [r | chance if r["source"] == "a" else r for r in rows if r["model"] == "cnn8"]
    page, _ = written(keep(found))
    said = page.text.split("says nothing: ", 1)[1].split("</li>")[0]
    assert said.split(", a ")[0].startswith("a (cnn8")
    assert said.count("(cnn8, seed 0)") == 1
