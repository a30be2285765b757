import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.models import zoo
from raytd.models.weights import file_digest, load_weights, read_weights
from tests.cases import for_each


def network(name: str = "cnn8-narrow", n_classes: int = 4, seed: int = 0) -> nn.Module:
    return zoo.build(name, in_channels=1, n_classes=n_classes, seed=seed)


def save_as_own_source(state: dict[str, Tensor], path: Path) -> None:
    learnt = {n for n, _ in network().named_parameters()}
    save_file(
        {f"{'parameters' if k in learnt else 'buffers'}/{k}": v for k, v in state.items()}, path
    )


WRITERS: dict[str, Callable[[dict[str, Tensor], Path], None]] = {
    "safetensors": save_file,
    "state dict": torch.save,
    "old state dict": lambda s, p: torch.save(s, p, _use_new_zipfile_serialization=False),
    "source of raytd": save_as_own_source,
}


@for_each("kind", WRITERS)
def test_weights_of_every_kind_give_the_network_back_to_the_bit(kind: str, tmp_path: Path) -> None:
    path, trained, fresh = tmp_path / "weights", network(seed=1), network(seed=2)
    WRITERS[kind](trained.state_dict(), path)
    load_weights(fresh, read_weights(path), path=path, name="cnn8-narrow", task="t")
    torch.testing.assert_close(fresh.state_dict(), trained.state_dict(), rtol=0, atol=0)


def test_counters_of_batch_norm_may_lack(tmp_path: Path) -> None:
    state = network(seed=1).state_dict()
    few = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    fresh = network(seed=2)
    load_weights(fresh, few, path=tmp_path, name="cnn8-narrow", task="t")
    torch.testing.assert_close(fresh.state_dict(), state, rtol=0, atol=0)


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def write_trap(path: Path) -> None:
    torch.save({"head.weight": _Trap(path.with_name("sprung"))}, path)


def write_half(path: Path) -> None:
    torch.save(network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])


def write_half_safetensors(path: Path) -> None:
    save_file(network().state_dict(), path)
    path.write_bytes(path.read_bytes()[:5000])


PICKLED = "holds pickled objects other than tensors, which are not read because that can run code"
NEITHER = "is neither safetensors nor a state dict of torch.save, or is damaged; write it again"


@for_each(
    ("write", "message"),
    [
        (write_trap, PICKLED),
        (lambda p: torch.save(network(), p), PICKLED),
        (lambda p: p.write_bytes(pickle.dumps({"a": _Trap(p.with_name("sprung"))})), PICKLED),
        (write_half, NEITHER),
        (write_half_safetensors, "is damaged ("),
        (lambda p: p.write_bytes(b""), NEITHER),
        (lambda p: p.write_text("name: sweep\n"), NEITHER),
        (lambda p: torch.save([torch.ones(1)], p), "holds a list; save model.state_dict()"),
        (
            lambda p: torch.save({"epoch": 3, "state_dict": {}}, p),
            "is no state dict, its 'epoch' is not a tensor; save model.state_dict() alone",
        ),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line_and_runs_nothing(
    write: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "model.pt"
    write(path)
    with pytest.raises(InputError) as error:
        read_weights(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "sprung").exists()


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    for read in (read_weights, file_digest):
        with pytest.raises(InputError) as error:
            read(path)
        assert str(error.value) == (
            f"{path}: the weights cannot be read (no such file or directory)"
        )


def replaced(key: str, value: Tensor) -> dict[str, Tensor]:
    return network().state_dict() | {key: value}


def without(*keys: str) -> dict[str, Tensor]:
    return {k: v for k, v in network().state_dict().items() if k not in keys}


@for_each(
    ("state", "message"),
    [
        (
            network(n_classes=10).state_dict(),
            "its head 'head.weight' has the shape (10, 64), but cnn8-narrow with the 4 classes of "
            "birds has (4, 64); bring weights that were trained on these classes",
        ),
        (
            network("cnn8").state_dict(),
            "'convolutions.0.0.weight' has the shape (64, 1, 3, 3), but that of cnn8-narrow has "
            "(16, 1, 3, 3); are these the weights of cnn8-narrow?",
        ),
        (
            without("head.bias"),
            "lacks 'head.bias'; are these the weights of cnn8-narrow?",
        ),
        (
            without("convolutions.0.0.weight", "convolutions.1.0.weight", "head.weight"),
            "lacks 'convolutions.0.0.weight' and 2 more; are these the weights of cnn8-narrow?",
        ),
        (
            replaced("extra", torch.ones(1)),
            "has an unknown 'extra'; are these the weights of cnn8-narrow?",
        ),
        (
            replaced("head.bias", torch.full((4,), torch.nan)),
            "'head.bias' holds values that are not finite; train it again",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_in_one_line_and_change_nothing(
    state: dict[str, Tensor], message: str
) -> None:
    model, path = network(seed=5), Path("model.pt")
    with pytest.raises(InputError) as error:
        load_weights(model, state, path=path, name="cnn8-narrow", task="birds")
    assert str(error.value).startswith(f"{path}: {message}")
    assert "\n" not in str(error.value)
    torch.testing.assert_close(model.state_dict(), network(seed=5).state_dict(), rtol=0, atol=0)


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    one, copy, other = (tmp_path / name for name in ("one", "copy", "other"))
    for path, content in ((one, b"weights"), (copy, b"weights"), (other, b"others")):
        path.write_bytes(content)
    assert file_digest(one) == file_digest(copy) != file_digest(other)


def test_a_pipe_cannot_be_weights_because_they_are_read_many_times(tmp_path: Path) -> None:
    path = tmp_path / "pipe.pt"
    os.mkfifo(path)
    for read in (read_weights, file_digest):
        with pytest.raises(InputError, match=r"pipe\.pt: the weights must be a file that stays"):
            read(path)


@for_each(
    ("tensor", "said"),
    [
        (lambda t: torch.full_like(t, 1e300, dtype=torch.float64), "values that are too large"),
        (lambda t: t.to(torch.complex64), "numbers of the kind torch.complex64"),
        (lambda t: t.to(torch.int64), "numbers of the kind torch.int64"),
        (lambda t: t.to_sparse(), "a tensor of another layout (torch.sparse_coo"),
    ],
)
def test_values_that_the_model_would_hold_otherwise_are_refused(
    tensor: Callable[[Tensor], Tensor], said: str
) -> None:
    model = network()
    key, value = next(iter(model.state_dict().items()))
    path = Path("model.pt")
    with pytest.raises(InputError) as error:
        load_weights(model, replaced(key, tensor(value)), path=path, name="net", task="t")
    assert str(error.value).startswith(f"{path}: '{key}' holds {said}")


def test_two_tensors_that_would_have_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"parameters/a": torch.ones(1), "buffers/a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="two of its tensors have one name after the last '/'"):
        read_weights(path)
