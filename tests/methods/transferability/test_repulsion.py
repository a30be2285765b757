"""PED's motion of classes: two balls in closed form, loops, and what must not move."""

import numpy as np
import pytest
import torch

from raytd.errors import InputError
from raytd.methods.transferability.repulsion import Moved, deviations, pushed_apart
from tests.cases import for_each

USUAL = {"radius": 0.6, "time_step": 0.1, "most_steps": 6, "least_motion": 0.5}


def moved(features: torch.Tensor, labels: torch.Tensor, **changes: float) -> Moved:
    return pushed_apart(features=features, target_labels=labels, **USUAL | changes)


def drawn(seed: int, n: int, d: int, n_classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % n_classes
    centres = torch.randn((n_classes, d), dtype=torch.float64, generator=stream) / 3
    return centres[labels] + torch.randn((n, d), dtype=torch.float64, generator=stream), labels


def two_balls(distance: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Classes on a line, each with the deviation 1 about its mean."""
    features = torch.tensor([-1.0, 1.0, distance - 1, distance + 1], dtype=torch.float64)
    return features[:, None], torch.tensor([0, 0, 1, 1])


@for_each("steps", [1, 2, 6])
def test_two_balls_part_by_a_geometric_law(steps: int) -> None:
    # Radii of 1.5: an overlap of 2, of which each step leaves the share 1 − Δt².
    features, labels = two_balls(1.0)
    found = moved(features, labels, radius=1.5, time_step=0.3, most_steps=steps, least_motion=0)
    parted = 2 * (1 - (1 - 0.3**2) ** steps)
    expected = features + torch.tensor([-1, -1, 1, 1]).double()[:, None] * parted / 2
    torch.testing.assert_close(found.features, expected, rtol=1e-12, atol=1e-12)
    assert found.steps == steps


def test_a_long_step_moves_no_ball_by_more_than_the_overlap() -> None:
    features, labels = two_balls(1.0)
    found = moved(features, labels, radius=1.5, time_step=50, most_steps=9)
    # Both move by the whole overlap of 2, and then nothing overlaps.
    expected = features + torch.tensor([-2, -2, 2, 2])[:, None]
    torch.testing.assert_close(found.features, expected, rtol=1e-12, atol=1e-12)
    assert found.steps == 1


def test_the_motion_ends_at_its_share_of_the_first_step() -> None:
    features, labels = two_balls(1.0)
    found = moved(features, labels, radius=1.5, time_step=0.5, most_steps=99, least_motion=0.4)
    # 0.75^k is above 0.4 up to k = 3, so the steps after 0 to 3 are taken.
    assert found.steps == 4


def looped(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Six steps, one pair of classes at a time."""
    found = features.copy()
    for _ in range(6):
        classes = np.unique(labels)
        means = {c: found[labels == c].mean(axis=0) for c in classes}
        radii = {c: 0.6 * np.sqrt(found[labels == c].var(axis=0).sum()) for c in classes}
        pushes = {c: np.zeros(features.shape[1]) for c in classes}
        for c in classes:
            for other in classes:
                way = means[c] - means[other]
                length = np.linalg.norm(way)
                overlap = radii[c] + radii[other] - length
                if c != other and overlap > 0:
                    pushes[c] += way / length * overlap * 0.1**2 / 2
        for c in classes:
            found[labels == c] += pushes[c]
    return found


@for_each("seed", range(4))
def test_the_motion_of_many_classes_is_that_of_explicit_loops(seed: int) -> None:
    features, labels = drawn(seed, 30, 5, 4)
    labels = labels * 2  # numbers without images are no classes
    found = moved(features, labels)
    assert found.steps == 6
    expected = looped(features.numpy(), labels.numpy())
    np.testing.assert_allclose(found.features.numpy(), expected, rtol=1e-12, atol=1e-12)
    assert not torch.equal(found.features, features)


def test_the_mean_over_classes_stays_and_within_classes_nothing_changes() -> None:
    features, labels = drawn(1, 40, 6, 4)
    after = moved(features, labels).features
    torch.testing.assert_close(after.mean(dim=0), features.mean(dim=0), rtol=0, atol=1e-12)
    for c in range(4):
        change = (after - features)[labels == c]
        torch.testing.assert_close(change, change[:1].expand_as(change), rtol=0, atol=1e-12)


def test_a_rotation_turns_the_motion() -> None:
    features, labels = drawn(2, 30, 4, 3)
    rotation = torch.linalg.qr(drawn(3, 4, 4, 1)[0]).Q
    turned = moved(features @ rotation, labels).features
    torch.testing.assert_close(turned, moved(features, labels).features @ rotation)


def test_what_does_not_overlap_or_has_one_centre_stays() -> None:
    apart, labels = two_balls(100.0)
    centred, _ = two_balls(0.0)
    for features, classes in (
        (apart, labels),
        (centred, labels),
        (apart, torch.zeros_like(labels)),
        (torch.ones(4, 3).double(), labels),
    ):
        found = moved(features, classes)
        assert torch.equal(found.features, features)
        assert found.steps == 0


def test_a_class_with_one_image_is_a_ball_without_radius() -> None:
    features = torch.tensor([[-1.0], [1.0], [0.5]], dtype=torch.float64)
    found = moved(features, torch.tensor([0, 0, 1]), radius=1, most_steps=1).features
    # They overlap by 1 − 0.5.
    push = 0.5 * 0.1**2 / 2
    expected = features + push * torch.tensor([[-1.0], [-1.0], [1.0]]).double()
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_deviations_are_those_of_the_reference_and_never_near_zero() -> None:
    reference = torch.tensor([[0.0, 1.0, 7.0], [2.0, 7.0, 7.0]], dtype=torch.float64)
    least = 1e-3 * (10 / 3) ** 0.5
    expected = torch.tensor([1.0, 3.0, least], dtype=torch.float64)
    torch.testing.assert_close(deviations(reference), expected)
    assert deviations(torch.ones(3, 2)).tolist() == [1, 1]


def test_features_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InputError, match=r"features\[0, 0\] is nan"):
        moved(torch.full((2, 2), torch.nan), torch.tensor([0, 1]))
