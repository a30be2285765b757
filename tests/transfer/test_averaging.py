"""What is measured at a knot against a mean of iterates that have all been kept."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from raytd.errors import InputError
from raytd.transfer.averaging import (
    AveragedPath,
    Averaging,
    Moved,
    RunningMeans,
    SegmentMeans,
    average_moved,
    reach,
    segment_shares,
)
from raytd.transfer.lengths import two_scale_pieces
from raytd.transfer.state import TrainState, Weights
from raytd.transfer.trajectory import segment_steps
from tests.cases import for_each


class Moving(nn.Module):
    """A parameter, running statistics and a counter that go a random way."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 2))
        self.register_buffer("running_mean", torch.randn(2))
        self.register_buffer("running_var", torch.rand(2))
        self.register_buffer("num_batches_tracked", torch.tensor(0))

    @torch.no_grad()
    def step(self, noise: torch.Generator) -> None:
        """Drifts and diffuses."""
        self.weight += 0.03 + 0.1 * torch.randn(3, 2, generator=noise)
        self.running_mean += 0.02 * torch.randn(2, generator=noise)
        self.running_var.mul_(0.99).add_(0.01 * torch.rand(2, generator=noise))
        self.num_batches_tracked += 1


@dataclass
class Walk:
    """A path with every iterate kept, and its means as they are made on the way."""

    start: Weights
    iterates: list[Weights]
    means: list[SegmentMeans]
    steps: int
    segments: int

    @staticmethod
    def of(steps: int, segments: int) -> "Walk":
        torch.manual_seed(0)
        model, noise = Moving(), torch.Generator().manual_seed(1)
        walk = Walk(Weights.of(model), [], [], steps, segments)
        means = RunningMeans(model)
        for segment in range(segments):
            own = segment_steps(segment, steps=steps, segments=segments)
            means.begin(len(own))
            for _ in own:
                model.step(noise)
                means.add()
                walk.iterates.append(Weights.of(model))
            walk.means.append(means.value())
        return walk

    def measured(self, averaging: Averaging) -> list[Weights]:
        """At every knot, as the engine does it."""
        path = AveragedPath(self.start, averaging, self.segments)
        found = [path.weights(0)]
        for segment, means in enumerate(self.means):
            path.add(segment, means)
            found.append(path.weights(segment + 1))
            assert len(path.means) <= reach(averaging, self.segments)
        return found

    def by_hand(self, knot: int) -> dict[str, Tensor]:
        """The triangle over the last fifth, at the middle of each step; w^s before the start."""
        end = knot / self.segments
        total = {n: torch.zeros_like(v, dtype=torch.float64) for n, v in floats(self.start).items()}
        left = 1.0
        for segment in range(self.segments):
            own = segment_steps(segment, steps=self.steps, segments=self.segments)
            for k, step in enumerate(own):
                tau = (segment + (k + 0.5) / len(own)) / self.segments
                weight = triangle(end - tau) / self.segments / len(own)
                left -= weight
                for name, value in floats(self.iterates[step]).items():
                    total[name] += weight * value.double()
        for name, value in floats(self.start).items():
            total[name] += left * value.double()
        return {name: value.float() for name, value in total.items()}


def triangle(age: float) -> float:
    """Density of the weight of what lies `age` of the path before a knot."""
    return max(0.0, 10 * (1 - abs(10 * age - 1))) if 0 <= age <= 0.2 else 0.0


def floats(weights: Weights) -> dict[str, Tensor]:
    buffers = {n: b for n, b in weights.buffers.items() if b.is_floating_point()}
    return weights.parameters | buffers


@for_each("segments", [10, 20, 40, 100])
def test_the_shares_of_a_window_add_up_to_one_and_reach_back_a_fifth(segments: int) -> None:
    for knot in range(1, segments + 1):
        shares = segment_shares("window", knot, segments)
        # Rounding of at most 40 terms.
        np.testing.assert_allclose(sum(s.mean for s in shares), 1, rtol=1e-14)
        assert [s.segment for s in shares] == list(range(knot - segments // 5, knot))
        # A line over each segment: never below 0 at its ends, 0 at those of the window, and at the
        # edge between two segments the same from both sides.
        edges = [(s.mean - s.tilt / 2, s.mean + s.tilt / 2) for s in shares]
        np.testing.assert_allclose([edges[0][0], edges[-1][1]], 0, atol=1e-15)
        inner = [(a[1], b[0]) for a, b in zip(edges, edges[1:], strict=False)]
        np.testing.assert_allclose([a for a, _ in inner], [b for _, b in inner], rtol=1e-12)
        assert min(min(e) for e in edges) > -1e-15
        assert max(max(e) for e in edges) == pytest.approx(10 / segments, rel=1e-12)


@pytest.mark.parametrize(
    ("steps", "segments"), [(30, 10), (47, 10), (120, 20), (133, 20), (95, 40)]
)
def test_the_window_is_that_of_all_iterates(steps: int, segments: int) -> None:
    walk = Walk.of(steps, segments)
    for knot, measured in enumerate(walk.measured("window")):
        # Means of a few float32 numbers of size 1 to 5.
        torch.testing.assert_close(
            floats(measured), walk.by_hand(knot), rtol=1e-6, atol=1e-6, msg=f"knot {knot}"
        )


def test_a_segment_s_mean_is_that_of_its_iterates() -> None:
    walk = Walk.of(47, 10)
    for knot, measured in enumerate(walk.measured("segment")[1:], start=1):
        own = segment_steps(knot - 1, steps=47, segments=10)
        kept = [floats(walk.iterates[n]) for n in own]
        mean = {n: torch.stack([k[n].double() for k in kept]).mean(dim=0).float() for n in kept[0]}
        torch.testing.assert_close(floats(measured), mean, rtol=1e-6, atol=1e-6)


@for_each("averaging", ["window", "segment"])
def test_counters_are_those_of_the_last_iterate_and_the_start_is_itself(
    averaging: Averaging,
) -> None:
    walk = Walk.of(47, 10)
    start, *others = walk.measured(averaging)
    assert start is walk.start
    ends = [segment_steps(m, steps=47, segments=10).stop for m in range(10)]
    assert [int(w.buffers["num_batches_tracked"]) for w in others] == ends
    assert others[0].buffers["num_batches_tracked"].dtype == torch.int64


def test_more_knots_measure_the_same_weights_at_the_knots_they_share() -> None:
    coarse, finer, finest = (Walk.of(240, segments).measured("window") for segments in (20, 40, 80))
    for knot, measured in enumerate(coarse):
        for same in (finer[2 * knot], finest[4 * knot]):
            torch.testing.assert_close(floats(same), floats(measured), rtol=1e-6, atol=1e-6)


def test_of_noise_alone_the_two_scales_take_three_quarters_for_a_path() -> None:
    """What knots closer than the window have in common is no noise that adds alike.

    A triangle of half width 1/10 on white noise has the cubic B-spline as autocovariance: 2/3 at
    the same knot, 23/48 at a distance of 1/20 and 1/6 at 1/10.
    """
    torch.manual_seed(0)
    start = Weights({"w": torch.zeros(40_000)}, {})
    path, knots = AveragedPath(start, "window", 20), []
    for segment in range(20):
        noise, u = torch.randn(20, 40_000), (torch.arange(20) + 0.5) / 20 - 0.5
        mean = Weights({"w": noise.mean(dim=0)}, {})
        path.add(segment, SegmentMeans(mean, {"w": (u[:, None] * noise).mean(dim=0)}))
        knots.append(path.weights(segment + 1).parameters["w"].double())
    fine, coarse = (
        np.mean([float((b - a).square().mean()) for a, b in zip(knots[4:], knots[4 + n :])])  # noqa: B905
        for n in (1, 2)
    )
    # Means over 40,000 draws at correlated knots.
    np.testing.assert_allclose(fine / coarse, (2 / 3 - 23 / 48) / (2 / 3 - 1 / 6), rtol=0.02)
    piece = two_scale_pieces([fine, fine], [coarse])[0]
    np.testing.assert_allclose(piece / (2 * np.sqrt(fine)), 0.745, rtol=0.02)


@for_each("averaging", ["window", "segment"])
def test_a_path_that_stands_still_is_measured_where_it_stands(averaging: Averaging) -> None:
    torch.manual_seed(0)
    model = Moving()
    path, means = AveragedPath(Weights.of(model), averaging, 20), RunningMeans(model)
    for segment in range(20):
        means.begin(37)
        for _ in range(37):
            means.add()
        path.add(segment, means.value())
        # A sum of 37 equal float32 numbers.
        torch.testing.assert_close(
            floats(path.weights(segment + 1)), floats(path.start), rtol=2e-6, atol=0
        )


def test_a_segment_of_one_step_is_that_iterate() -> None:
    walk = Walk.of(10, 10)
    for iterate, means in zip(walk.iterates, walk.means, strict=True):
        assert all(torch.equal(v, floats(iterate)[n]) for n, v in floats(means.mean).items())
        assert all(not t.any() for t in means.tilt.values())


def moved(seed: int) -> Moved:
    torch.manual_seed(seed)
    model, noise = Moving(), torch.Generator().manual_seed(seed)
    means = RunningMeans(model)
    means.begin(5)
    for _ in range(5):
        model.step(noise)
        means.add()
    return Moved(TrainState.at_rest(Weights.of(model)), means.value())


def test_one_block_s_means_come_back_to_the_bit() -> None:
    one = moved(0)
    same = average_moved([one], [1.0])
    assert same.means is not None
    assert one.means is not None
    for name in ("parameters", "buffers"):
        ours, theirs = getattr(same.means.mean, name), getattr(one.means.mean, name)
        assert all(torch.equal(value, theirs[key]) for key, value in ours.items())
    assert all(torch.equal(v, one.means.tilt[n]) for n, v in same.means.tilt.items())


def test_means_of_blocks_are_averaged_as_their_states() -> None:
    """The running variance gets the between-block part of the running means."""
    blocks, masses = [moved(seed) for seed in range(3)], [0.5, 0.3, 0.2]
    means = [m.means for m in blocks if m.means is not None]
    found = average_moved(blocks, masses)
    assert found.means is not None

    def mean(values: list[Tensor]) -> Tensor:
        pairs = zip(masses, values, strict=True)
        return torch.stack([m * v.double() for m, v in pairs]).sum(dim=0)

    weight = mean([m.mean.parameters["weight"] for m in means])
    centre = mean([m.mean.buffers["running_mean"] for m in means])
    within = mean([m.mean.buffers["running_var"] for m in means])
    between = mean([(m.mean.buffers["running_mean"].double() - centre) ** 2 for m in means])
    buffers = found.means.mean.buffers
    rounding = {"rtol": 1e-6, "atol": 1e-7}
    torch.testing.assert_close(found.means.mean.parameters["weight"], weight.float(), **rounding)
    torch.testing.assert_close(buffers["running_mean"], centre.float(), **rounding)
    torch.testing.assert_close(buffers["running_var"], (within + between).float(), **rounding)
    for name, tilt in found.means.tilt.items():
        torch.testing.assert_close(tilt, mean([m.tilt[name] for m in means]).float(), **rounding)
    states = average_moved([replace(b, means=None) for b in blocks], masses)
    assert states.means is None
    for name, value in states.state.weights.parameters.items():
        assert torch.equal(found.state.weights.parameters[name], value)


def test_each_block_needs_a_mass() -> None:
    with pytest.raises(InputError, match="2 masses and 1 states"):
        average_moved([moved(0)], [0.5, 0.5])
