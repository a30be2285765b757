"""How fast a network's predictions move at the start of a trajectory, to match learning rates."""

from dataclasses import replace

import torch
from jaxtyping import Float64

from raytd.engine.block import BlockSetup
from raytd.engine.worker import BlockWorker, Coupling
from raytd.transfer.state import TrainState, Weights

_SHARE = 20
"""The start of a path is this part of its steps, a twentieth."""

_MOST_READINGS = 20


def initial_speed(setup: BlockSetup, start: Weights, coupling: Coupling) -> float:
    """Mean squared change of sqrt(p) in a step of SGD, over the first twentieth of the path.

    The change is ‖sqrt p − sqrt q‖², half sources and half targets, read at no more than 20 of the
    steps, evenly spread. It is that which the parameters make: running statistics of batch norm
    move by themselves, whatever the rate is, and are held.

    Args:
        setup: all pairs of the trial in one block.
        start: w^s with its head extended.
        coupling: Γ that the steps draw from.
    """
    worker = BlockWorker(setup.moving(segments=setup.steps, averaging="none"))
    n_steps = max(1, setup.steps // _SHARE)
    every = -(-n_steps // _MOST_READINGS)
    state, changes = TrainState.at_rest(start), []
    for step in range(n_steps):
        before, state = state, worker.advance(step, state, coupling).state
        if step % every == 0:
            changes.append(_squared_change(worker, before, state))
    return sum(changes) / len(changes)


def _squared_change(worker: BlockWorker, before: TrainState, after: TrainState) -> float:
    """Mean of ‖sqrt p − sqrt q‖² over the sources and over the targets, averaged."""
    held = replace(after.weights, buffers=before.weights.buffers)
    root, moved = ((worker.predict(weights) / 2).exp() for weights in (before.weights, held))
    squared: Float64[torch.Tensor, " images"] = ((moved - root) ** 2).sum(dim=1)
    n_source = len(worker.pairs.source.labels)
    return float(squared[:n_source].mean() + squared[n_source:].mean()) / 2
