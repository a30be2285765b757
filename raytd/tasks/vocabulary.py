"""Data sets that are known by name: their classes, and where their files usually lie."""

from collections.abc import Callable, Iterable

_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly
camel can castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup
dinosaur dolphin elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower
leopard lion lizard lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid
otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray
road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""
_CIFAR10 = "airplane automobile bird cat deer dog frog horse ship truck"
_FASHION = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot"

CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "digits": tuple(str(digit) for digit in range(10)),
    "fashion-mnist": tuple(_FASHION.split(",")),
    "cifar10": tuple(_CIFAR10.split()),
    "cifar100": tuple(_CIFAR100.split()),
}
"""Name of class c at index c, as torchvision spells it."""


def same_name(known: Iterable[str]) -> Callable[[str], str | None]:
    """Finds the known name that differs from a written one in capitals, spaces and marks at most.

    The written name itself comes first, then the first of those that are alike.
    """
    names = dict.fromkeys(known)
    alike = {_letters(name): name for name in reversed(names)}

    def find(written: str) -> str | None:
        return written if written in names else alike.get(_letters(written))

    return find


def _letters(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
