"""Euclidean lengths of paths of weights."""

import numpy as np
import pytest
import torch

from raytd.transfer.weight_path import WeightPath, weight_distance, weight_norm


def test_the_length_is_the_sum_of_the_norms_of_all_steps() -> None:
    rng = np.random.default_rng(0)
    shapes = [(3, 2), (4,)]
    places = [[rng.normal(size=s) for s in shapes] for _ in range(6)]
    parameters = [torch.tensor(p, requires_grad=True) for p in places[0]]
    path = WeightPath(parameters)
    for place in places[1:]:
        with torch.no_grad():
            for parameter, values in zip(parameters, place, strict=True):
                parameter.copy_(torch.tensor(values))
        path.add_step()
    flat = [np.concatenate([v.ravel() for v in place]) for place in places]
    norms = [np.linalg.norm(b - a) for a, b in zip(flat, flat[1:], strict=False)]
    # Float64 in another order.
    assert path.length == pytest.approx(sum(norms), rel=1e-12)
    assert path.displacement() == pytest.approx(np.linalg.norm(flat[-1] - flat[0]), rel=1e-12)


def test_a_straight_path_is_as_long_as_it_leads_and_a_return_leads_nowhere() -> None:
    parameter = torch.zeros(3, requires_grad=True)
    path = WeightPath([parameter])
    for step in (1, 1, -2):
        with torch.no_grad():
            parameter += step * torch.tensor([1.0, 2.0, 2.0])
        path.add_step()
    assert path.length == 3 * 4
    assert path.displacement() == 0


def test_distances_are_taken_name_by_name() -> None:
    one = {"a": torch.tensor([3.0]), "b": torch.tensor([[0.0, 4.0]])}
    two = {"b": torch.tensor([[0.0, 0.0]]), "a": torch.tensor([0.0])}
    assert weight_norm(one) == weight_distance(one, two) == 5
    assert weight_distance(one, one) == 0
