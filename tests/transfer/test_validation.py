import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raytd.transfer.validation import class_masses, validation_pairs


def labels(first: int):
    return st.lists(st.integers(first, first + 4), min_size=1, max_size=60).map(np.array)


@settings(deadline=None)
@given(source=labels(0), target=labels(3))
def test_every_pair_of_classes_has_the_same_number_of_pairs(source, target) -> None:
    pairs = validation_pairs(source, target)
    np.testing.assert_array_equal(pairs.source_labels, source[pairs.source_index])
    np.testing.assert_array_equal(pairs.target_labels, target[pairs.target_index])
    both = np.stack([pairs.source_labels, pairs.target_labels])
    kinds, counts = np.unique(both, axis=1, return_counts=True)
    assert kinds.shape[1] == len(np.unique(source)) * len(np.unique(target))
    assert len(set(counts)) == 1


@settings(deadline=None)
@given(source=labels(0), target=labels(3))
def test_images_of_a_class_are_used_alike(source, target) -> None:
    pairs = validation_pairs(source, target)
    for index, own in ((pairs.source_index, source), (pairs.target_index, target)):
        used = np.bincount(index, minlength=len(own))
        for c in np.unique(own):
            assert np.ptp(used[own == c]) <= 1


@settings(deadline=None)
@given(source=labels(0), target=labels(3), seed=st.integers(0, 99))
def test_weights_have_the_class_masses_of_the_coupling(source, target, seed: int) -> None:
    coupling = np.random.default_rng(seed).random((len(source), len(target)))
    coupling /= coupling.sum()
    rows = np.broadcast_to(source[:, None], coupling.shape)
    cols = np.broadcast_to(target[None], coupling.shape)
    mass = class_masses(coupling, rows, cols, 8)
    pairs = validation_pairs(source, target)
    found = np.zeros_like(mass)
    np.add.at(found, (pairs.source_labels, pairs.target_labels), pairs.weights(mass))
    np.testing.assert_allclose(found, mass, atol=1e-14)
    for c in np.unique(source):
        for d in np.unique(target):
            chosen = coupling[np.ix_(source == c, target == d)]
            np.testing.assert_allclose(mass[c, d], chosen.sum(), rtol=1e-10)
