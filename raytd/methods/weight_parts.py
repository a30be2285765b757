"""Which parameters of a network count in a Euclidean length."""

from typing import TYPE_CHECKING, Annotated, Literal

from raytd.rows.column import Column

if TYPE_CHECKING:
    from torch import Tensor, nn

BatchNorm = Literal["include", "exclude"]
CountsBatchNorm = Annotated[str, Column("whether scales and shifts of batch norm count")]
"""The column of results that says so."""

IN_WORDS: dict[BatchNorm, str] = {
    "include": "scales and shifts count, running statistics do not",
    "exclude": "neither scales and shifts nor running statistics count",
}


def counted_parameters(
    model: "nn.Module", *, batch_norm: BatchNorm, without: str | None = None
) -> "dict[str, Tensor]":
    """Parameters by name; buffers, such as running statistics, never count.

    Args:
        model: the network.
        batch_norm: whether its scales and shifts count.
        without: name of a module whose parameters do not count.
    """
    from torch.nn.modules.batchnorm import _BatchNorm

    left_out = {name for name, m in model.named_modules() if isinstance(m, _BatchNorm)}
    left_out = left_out if batch_norm == "exclude" else set()
    left_out |= set() if without is None else {without}
    named = model.named_parameters()
    return {name: p.detach() for name, p in named if name.rpartition(".")[0] not in left_out}
