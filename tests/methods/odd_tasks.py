"""Tasks that try a method's patience."""

from pathlib import Path

from raytd.tasks import datasets
from raytd.tasks.spec import TaskSpec
from raytd.tasks.task import Task, make_task


def one_class(digit: str) -> Task:
    """A task of a single class."""
    spec = TaskSpec(name="one", dataset="digits", classes=(digit,), train=20, val=10)
    return make_task(spec, datasets.read("digits", Path("unused")))
