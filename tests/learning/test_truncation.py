"""Where a path counts as arrived."""

from raytd.learning.finetuning import first_reach
from tests.cases import for_each


@for_each(
    ("values", "share", "index"),
    [
        ([0.1, 0.5, 0.94, 0.96, 1.0], 0.95, 3),
        ([0.1, 0.97, 0.5, 1.0], 0.95, 1),  # the first time, whatever comes after
        ([0.9, 0.8], 0.95, 0),  # there from the start
        ([0.0, 0.0], 0.95, 0),
        ([0.2, 0.57, 0.6], 0.95, 1),  # 57 of 100, whose product rounds up
        ([0.2, 0.5, 0.6], 1.0, 2),
        ([0.7], 0.95, 0),
    ],
)
def test_the_first_value_that_reaches_the_share_of_the_last(
    values: list[float], share: float, index: int
) -> None:
    assert first_reach(values, share) == index
