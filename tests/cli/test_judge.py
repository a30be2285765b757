import csv
import functools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from raytd.cli import cli
from raytd.errors import RequestError
from tests.cli import saved_sweep

Run = Callable[..., Result]


def asking(place: Path, patch: pytest.MonkeyPatch) -> Run:
    """The command line beside a sweep with distances that rise and a transfer that falls alike."""
    patch.chdir(place)
    patch.setenv("COLUMNS", "100")
    saved_sweep.add_transfer(saved_sweep.write(place / "runs"))
    return lambda *args: CliRunner().invoke(cli, list(args))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """Runs each command once, however many tests look at what it said."""
    with pytest.MonkeyPatch.context() as patch:
        yield functools.cache(asking(tmp_path_factory.mktemp("judge"), patch))


def test_a_distance_that_falls_as_transfer_rises_is_found_to_agree(run: Run) -> None:
    done = run("judge", "demo", "--json")
    assert done.exit_code == 0, done.output
    (coupled,) = (
        v
        for v in json.loads(done.stdout)["verdicts"]
        if (v["model"], v["column"]) == ("small", "value")
    )
    assert coupled["spearman"] == pytest.approx(1)
    assert coupled["n_pairs"] == 6
    assert coupled["mantel_spearman_permutations"] == 6
    assert coupled["share_best_source"] == 1
    assert coupled["spearman_low"] == pytest.approx(1)


def test_the_table_says_what_chance_and_a_blind_choice_would_reach(run: Run) -> None:
    out = run("judge", "demo").stdout
    assert "Judged by transfer" in out
    assert "every one of 6 permutations of 3 tasks; none can be below 0.17" in out
    assert "a blind choice: 50%" in out


def test_the_figures_are_kept_beside_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, folder = asking(tmp_path, monkeypatch), tmp_path / "runs/demo"
    printed = run("judge", "demo", "--format", "csv").stdout
    kept = (folder / "report" / "judge-transfer.csv").read_text()
    assert printed == kept
    titles = {line["contestant"] for line in csv.DictReader(kept.splitlines())}
    assert titles == {"coupled, small", "coupled, noise-free, small"}
    drawn = {path.name for path in (folder / "report").glob("judge-*")}
    each = ("judge-coupled-small-transfer", "judge-coupled-noise-free-small-transfer")
    names = ("judge-transfer", *each)
    assert drawn == {f"{name}.{ending}" for name in names for ending in ("csv", "png", "svg")}

    # Those of another column of the truth have files of their own.
    before = (folder / "report" / "judge-transfer.csv").read_bytes()
    assert run("judge", "demo", "--column", "wall_s").exit_code == 0
    assert (folder / "report" / "judge-transfer.csv").read_bytes() == before
    other = (folder / "report" / "judge-transfer-wall_s.csv").read_text()
    assert {row["truth"] for row in csv.DictReader(other.splitlines())} == {"transfer, wall time"}


def with_classes(folder: Path) -> None:
    """Tasks a and b share a class, and c shares none."""
    plan = json.loads((folder / "plan.json").read_text())
    classes = {"a": ["0", "1"], "b": ["1", "2"], "c": ["8", "9"]}
    plan["sweep"]["tasks"] = [
        {"name": name, "dataset": "digits", "classes": own} for name, own in classes.items()
    ]
    (folder / "plan.json").write_text(json.dumps(plan))


def test_disjoint_pairs_and_the_truth_itself_are_judged_from_the_folder_of_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asking(tmp_path, monkeypatch)
    monkeypatch.setenv("COLUMNS", "80")
    with_classes(tmp_path / "runs/demo")
    out = run("judge", "demo").stdout
    assert "Pairs with disjoint classes (4 of 6)" in out
    assert "Reliability of the truth: 1.00, by its 2 seeds" in out
    assert "by the classes that the sweep names" in out.replace("\n", " ")
    assert max(map(len, out.splitlines())) <= 80
    first = json.loads(run("judge", "demo", "--json").stdout)["verdicts"][0]
    assert (first["n_disjoint"], first["disjoint_spearman"]) == (4, pytest.approx(1))
    assert first["truth_ceiling"] == pytest.approx(1)
    assert first["beats_shared_classes"] is True


def test_unknown_classes_are_said_and_judged_by_nobody(run: Run) -> None:
    out = run("judge", "demo").stdout.replace("\n", " ")
    assert "Which pairs share classes is not known" in out
    assert "Pairs with disjoint classes" not in out


def test_what_is_all_alike_is_no_agreement_but_a_dash(run: Run) -> None:
    (flat,) = (
        v
        for v in json.loads(run("judge", "demo", "--json").stdout)["verdicts"]
        if v["column"] == "noise_free_length"
    )
    assert flat["spearman"] is None


def test_without_that_truth_it_says_which_methods_there_are(run: Run) -> None:
    done = run("judge", "demo", "--truth", "finetune")
    assert isinstance(done.exception, RequestError)
    assert "no results of finetune; there are coupled, transfer" in str(done.exception)


def test_sources_are_ranked_with_the_evidence(run: Run) -> None:
    done = run("recommend", "demo", "--target", "c", "--json")
    document = json.loads(done.stdout)
    assert [(c["source"], c["model"]) for c in document["candidates"]] == [
        ("a", "big"),
        ("a", "small"),
        ("b", "big"),
        ("b", "small"),
    ]
    (said,) = document["evidence"]
    assert "best one for 100% of 3 targets (a blind choice: 50%)" in said


def test_a_recommendation_carries_the_choice_of_the_method_and_the_answer(run: Run) -> None:
    document = json.loads(run("recommend", "demo", "--target", "c", "--json").stdout)
    assert (document["method"], document["truth"]) == ("coupled", "transfer")
    assert document["why"].startswith("Ranked by coupled: nothing else was judged here by transfer")
    assert document["doubt"] == "tasks that are permuted agree as well with p = 0.17"
    (ranking,) = document["rankings"]
    assert (ranking["protocol"], ranking["unit"], ranking["errors_from"]) == ("p1", "rad", "seeds")
    measured = [(c["source"], c["model"], c["accuracy"], c["gain"]) for c in document["candidates"]]
    assert measured[:2] == [("a", "big", None, None), ("a", "small", 0.7, None)]
    assert document["answer"].startswith("Transfer to c from a with network small: measured")


def test_without_a_target_a_recommendation_has_the_answer_for_each(run: Run) -> None:
    document = json.loads(run("recommend", "demo", "--json").stdout)["targets"]
    assert [one["target"] for one in document] == ["a", "b", "c"]
    for one in document:
        alone = json.loads(run("recommend", "demo", "--target", one["target"], "--json").stdout)
        assert one == alone
    shown = " ".join(run("recommend", "demo").stdout.split())
    for one in document:
        assert one["answer"].partition(". ")[0] in shown


def test_the_last_line_of_a_recommendation_is_its_answer(run: Run) -> None:
    shown = run("recommend", "demo", "--target", "c").stdout
    answer = json.loads(run("recommend", "demo", "--target", "c", "--json").stdout)["answer"]
    assert " ".join(shown.split()).endswith(answer)
    assert " ".join(shown.split()).startswith("Ranked by coupled: nothing else was judged here")
    assert "± 0.000" in shown


def test_networks_of_different_protocols_have_a_ranking_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = asking(tmp_path, monkeypatch)
    for path in tmp_path.glob("runs/demo/trials/big-*/result.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"protocol": "p2"}))
    document = json.loads(run("recommend", "demo", "--target", "c", "--json").stdout)
    assert [(r["protocol"], r["models"]) for r in document["rankings"]] == [
        ("p1", ["small"]), ("p2", ["big"]),
    ]  # fmt: skip
    assert [(c["ranking"], c["rank"]) for c in document["candidates"]] == [
        (1, 1), (1, 2), (2, 1), (2, 2),
    ]  # fmt: skip
    shown = run("recommend", "demo", "--target", "c").stdout
    assert "Sources for c by coupled (rad, smaller is closer), protocol p2, network big" in shown
    assert "The rankings are not on one scale" in shown


def test_a_candidate_that_did_not_arrive_is_marked(run: Run) -> None:
    out = run("recommend", "demo", "--target", "b").stdout
    (line,) = (line for line in out.splitlines() if "big" in line and " a " in line)
    assert "did not arrive" in line


def test_without_measured_transfer_it_says_that_nothing_vouches_for_the_order(run: Run) -> None:
    out = run("recommend", "demo", "--target", "c", "--truth", "finetune").stdout
    assert "no evidence: finetune was not measured here" in out


def test_a_target_without_results_is_answered_with_those_there_are(run: Run) -> None:
    done = run("recommend", "demo", "--target", "z")
    assert "targets are a, b, c" in str(done.exception)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["judge", "--truth", "nothing"], "--truth nothing: there are no results of nothing"),
        (["judge", "--truth", "trasfer"], "did you mean 'transfer'?"),
        (["judge", "--column", "walls"], "--column walls: .* did you mean 'wall_s'?"),
        (["recommend", "--target", "nothing"], "targets are a, b, c"),
        (["recommend", "--target", "b", "--method", "copled"], "did you mean 'coupled'?"),
        (["recommend", "--method", "copled"], "did you mean 'coupled'?"),
        (["recommend", "--target", "b", "--truth", "nothing"], "--truth nothing: there is no such"),
        (["recommend", "--target", "b", "--value", "distanc"], "did you mean 'distance'?"),
    ],
)
def test_a_name_that_is_not_there_is_refused_in_one_line(
    run: Run, command: list[str], words: str
) -> None:
    done = run(command[0], "demo", *command[1:])
    assert isinstance(done.exception, RequestError)
    assert len(done.exception.problems) == 1
    assert re.search(words.replace("?", r"\?"), str(done.exception))
    assert done.stdout == ""


def test_no_number_of_a_document_is_nan(run: Run) -> None:
    for command in (["judge", "demo"], ["recommend", "demo", "--target", "b"]):
        assert "NaN" not in run(*command, "--json").stdout


def test_who_has_no_verdict_is_told_with_the_reason(run: Run) -> None:
    document = json.loads(run("judge", "demo", "--json").stdout)
    reason = "transfer was not measured with the network big"
    silent = ["coupled, big", "coupled, noise-free, big"]
    assert document["left_out"] == [{"contestant": c, "reason": reason} for c in silent]
    out = run("judge", "demo").stdout
    assert f"no evidence about coupled, big: {reason}" in out
    assert "no evidence about coupled, noise-free, small: its numbers for all 6 pairs" in out


def test_a_candidate_that_did_not_arrive_is_last_though_its_number_is_smallest(run: Run) -> None:
    found = json.loads(run("recommend", "demo", "--target", "b", "--json").stdout)["candidates"]
    assert [(c["rank"], c["source"], c["model"]) for c in found][-1] == (4, "a", "big")
    assert found[-1]["value"] == min(c["value"] for c in found)
    assert found[-1]["doubts"] == "did not arrive"
    said = run("recommend", "demo", "--target", "b").stdout
    assert "The last 1 of 4 are last whatever their numbers are" in said


def test_a_truth_whose_network_no_other_method_has_judges_nobody_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, folder = asking(tmp_path, monkeypatch), tmp_path / "runs/demo"
    for path in folder.glob("trials/*/result.json"):
        row = json.loads(path.read_text())
        if row["method"] == "transfer":
            path.write_text(json.dumps(row | {"model": "other"}))
    done = run("judge", "demo")
    assert done.exit_code == 0, done.output
    assert "no other method has results with the network of the truth" in done.stdout
    assert "transfer was not measured with the network big" in done.stdout.replace("\n", " ")
