from raytd.tasks.catalogue import CATALOGUE
from raytd.tasks.datasets import Dataset
from raytd.tasks.task import make_task
from raytd.tasks.vocabulary import CLASS_NAMES
from tests.cases import for_each

FINE_IDS = {
    "herbivores": {15, 19, 21, 31, 38},
    "carnivores": {3, 42, 43, 88, 97},
    "vehicles-1": {8, 13, 48, 58, 90},
    "vehicles-2": {41, 69, 81, 85, 89},
    "flowers": {54, 70, 62, 82, 92},
    "scenes": {23, 33, 49, 60, 71},
}
"""Numbers of the fine classes of CIFAR-100 in the paper's tasks."""


@for_each(("name", "count"), [("digits", 10), ("cifar10", 10), ("cifar100", 100)])
def test_class_names_are_all_there_in_the_order_of_their_numbers(name: str, count: int) -> None:
    """These three data sets number their classes in the order of the alphabet."""
    assert len(set(CLASS_NAMES[name])) == count
    assert list(CLASS_NAMES[name]) == sorted(CLASS_NAMES[name])


@for_each("name", CATALOGUE)
def test_every_task_names_known_classes_once(name: str) -> None:
    spec = CATALOGUE[name]
    assert spec.name == name
    assert len(set(spec.classes)) == len(spec.classes)
    assert set(spec.classes) <= set(CLASS_NAMES[spec.dataset])


@for_each("name", FINE_IDS)
def test_tasks_of_cifar100_are_those_of_the_paper(name: str) -> None:
    numbers = {CLASS_NAMES["cifar100"].index(c) for c in CATALOGUE[name].classes}
    assert CATALOGUE[name].dataset == "cifar100"
    assert numbers == FINE_IDS[name]


@for_each(
    ("one", "other"),
    [
        ("digits-low", "digits-high"),
        ("digits-even", "digits-odd"),
        ("fashion-clothes", "fashion-accessories"),
        ("cifar10-vehicles", "cifar10-animals"),
    ],
)
def test_opposite_tasks_divide_their_data_set(one: str, other: str) -> None:
    first, second = CATALOGUE[one], CATALOGUE[other]
    assert sorted(first.classes + second.classes) == sorted(CLASS_NAMES[first.dataset])


def test_every_task_of_digits_can_be_cut(digits: Dataset) -> None:
    cut = {n: make_task(s, digits) for n, s in CATALOGUE.items() if s.dataset == "digits"}
    assert set(cut) == {"digits", *(f"digits-{part}" for part in ("low", "high", "even", "odd"))}
    assert len({task.digest for task in cut.values()}) == 5


@for_each("name", CLASS_NAMES)
def test_every_data_set_is_a_task_as_a_whole(name: str) -> None:
    assert CATALOGUE[name].dataset == name
    assert CATALOGUE[name].classes == CLASS_NAMES[name]
