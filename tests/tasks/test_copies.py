"""Images that are the same to the byte."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raytd.tasks.copies import prints, shared_counts

IMAGES = np.random.default_rng(0).integers(0, 256, (30, 1, 4, 5), dtype=np.uint8)
ROWS = st.lists(st.integers(0, 29), max_size=12)


@given(one=ROWS, other=ROWS)
def test_an_image_is_found_wherever_its_bytes_are(one: list[int], other: list[int]) -> None:
    found = np.isin(prints(IMAGES[one]), prints(IMAGES[other]))
    assert found.tolist() == [row in other for row in one]


def test_one_pixel_makes_another_image_and_its_place_in_memory_does_not() -> None:
    changed = IMAGES.copy()
    changed[:, 0, 0, 0] ^= 1
    assert not np.isin(prints(changed), prints(IMAGES)).any()
    assert np.isin(prints(np.asfortranarray(IMAGES)), prints(IMAGES)).all()


@given(parts=st.lists(ROWS, max_size=5), others=st.lists(ROWS, max_size=5))
def test_shared_images_are_counted_once_for_each_two_parts(
    parts: list[list[int]], others: list[list[int]]
) -> None:
    counts = shared_counts([prints(IMAGES[p]) for p in parts], [prints(IMAGES[o]) for o in others])
    expected = {
        (i, j): len(set(part) & set(other))
        for i, part in enumerate(parts)
        for j, other in enumerate(others)
        if set(part) & set(other)
    }
    assert counts == expected
