import hashlib
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torchvision.datasets

from raytd.errors import DataError
from raytd.tasks.references import read_content
from raytd.tasks.vocabulary import CLASS_NAMES
from tests.cases import for_each
from tests.tasks.formats import Made, made, write_cifar

CONTENT = made(CLASS_NAMES["cifar100"], (32, 32, 3), per_class=1)
FOLDER = "cifar-100-python"


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    """CIFAR-100 at a place that torchvision downloads from, with images of our own."""
    kind, away = torchvision.datasets.CIFAR100, tmp_path / "away"
    write_cifar("cifar100", away, CONTENT, monkeypatch)
    with tarfile.open(away / kind.filename, "w:gz") as archive:
        archive.add(away / FOLDER, arcname=FOLDER)
    data = (away / kind.filename).read_bytes()
    monkeypatch.setattr(kind, "tgz_md5", hashlib.md5(data).hexdigest())
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=away)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{kind.filename}"
        monkeypatch.setattr(kind, "url", url)
        yield CONTENT
        server.shutdown()


@for_each("file", ["data_batch_3", "test_batch", "batches.meta"])
@for_each("damage", ["lost", "cut"])
def test_a_damaged_folder_is_refused_in_one_line(
    file: str, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = made(CLASS_NAMES["cifar10"], (32, 32, 3), per_class=5)
    path = write_cifar("cifar10", tmp_path, content, monkeypatch) / file
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DataError, match="cifar-10-batches-py: a file is missing or damaged") as e:
        read_content("cifar10", tmp_path)
    assert "\n" not in str(e.value)


def test_nothing_is_downloaded_unless_allowed(source: Made, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="allow the download with --download"):
        read_content("cifar100", tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_what_is_missing_is_downloaded_once_when_allowed(
    source: Made, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = read_content("cifar100", tmp_path / "root", download=True)
    np.testing.assert_array_equal(content.train.labels, source.train[1])
    assert capfd.readouterr().out == ""
    monkeypatch.setattr(torchvision.datasets.CIFAR100, "url", "http://127.0.0.1:0/")
    read_content("cifar100", tmp_path / "root", download=True)


def test_a_download_that_fails_is_told_in_one_line_with_the_ways_out(
    source: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torchvision.datasets.CIFAR100, "url", "http://127.0.0.1:0/")
    with pytest.raises(DataError, match=f"{FOLDER} and the download failed \\(.+\\). Put") as error:
        read_content("cifar100", tmp_path / "root", download=True)
    assert "\n" not in str(error.value)
