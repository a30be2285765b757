from pathlib import Path

import pytest

from raytd.errors import RequestError
from raytd.tracking.base import SweepInfo
from raytd.tracking.open import chosen_uri, open_tracker
from raytd.tracking.sqlite_file import require_uri, sqlite_uri, store_file


@pytest.mark.parametrize("name", ["a b", "a#b", "a%b", "ä", "a\nb", "a'b", "a&b=c", "a@b:c"])
def test_a_store_lies_in_the_folder_that_is_named(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    uri = sqlite_uri(folder / "mlflow.db")
    assert store_file(uri) == folder / "mlflow.db"
    require_uri(uri)


@pytest.mark.slow
def test_mlflow_reads_such_a_uri_as_we_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    uri = chosen_uri(None, Path("5% of #1, é"))
    open_tracker(uri, SweepInfo("quick", "odd"))
    assert [path.name for path in tmp_path.iterdir()] == ["5% of #1, é"]
    assert (tmp_path / "5% of #1, é" / "mlflow.db").stat().st_size > 0


@pytest.mark.parametrize(("name", "sign"), [("a?b", "?"), ("a%3Fb", "%3F"), ("%41", "%41")])
def test_a_folder_that_no_uri_names_is_refused(name: str, sign: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        chosen_uri(None, tmp_path / name / "runs")
    (problem,) = caught.value.problems
    assert problem.startswith(f"{tmp_path / name / 'runs'}: MLflow cannot keep")
    assert f"'{sign}'" in problem
    assert "--tracking-uri" in problem
    assert chosen_uri("none", tmp_path / name) is None


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("sqlite:////data/a?b/mlflow.db", "'?' is read as options"),
        ("sqlite:////data/a?", "'?' is read as options"),
        ("sqlite:///~/mlflow.db", "write the path in full"),
        ("sqlite:////data/my%20runs/mlflow.db", "without escapes such as %20"),
        ("htp://server", "no store of the kind 'htp'; it has http, https, "),
    ],
)
def test_a_uri_that_would_be_misread_is_refused(uri: str, told: str) -> None:
    with pytest.raises(RequestError) as caught:
        chosen_uri(uri, Path("runs"))
    (problem,) = caught.value.problems
    assert problem.startswith(f"--tracking-uri {uri}: ")
    assert told in problem


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:////data/mlflow.db?timeout=5&cache=shared",
        "http://tracking:5000/a?b",
        "postgresql://me:p%40ss@host/db?sslmode=require",
        "sqlite://",
        "HTTPS://tracking/",
        "postgresql+psycopg2://me@host/db",
        "databricks",
    ],
)
def test_other_uris_stay_as_they_are(uri: str) -> None:
    assert chosen_uri(uri, Path("runs")) == uri
