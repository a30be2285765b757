"""When a rank correlation is evidence that a method predicts, and not chance."""

UNFIT = frozenset({"random", "transfer"})
"""Methods that recommend nothing: the control that knows no task, and what others predict."""

CHANCE = 0.05
"""A correlation that permuted tasks reach as often is no evidence."""


def is_clear(low: float | None, p: float | None) -> bool:
    """Whether a positive correlation is more than chance, by all that is known of it.

    Args:
        low: the lower end of its interval over seeds; None where there is none.
        p: its one-sided p-value under permuted tasks; likewise.
    """
    return why_unclear(low, p) is None


def why_unclear(low: float | None, p: float | None) -> str | None:
    """What leaves it to chance, in words; None where nothing does."""
    if low is None and p is None:
        return "nothing says how much of it is chance"
    if low is not None and low <= 0:
        return "its interval over seeds includes 0"
    if p is not None and p >= CHANCE:
        return f"tasks that are permuted agree as well with p = {p:.2g}"
    return None
