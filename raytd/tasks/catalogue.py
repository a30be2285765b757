"""Tasks that have a name: class names of known data sets, chosen together."""

from raytd.tasks.spec import TaskSpec
from raytd.tasks.vocabulary import CLASS_NAMES

_CLASSES: dict[str, dict[str, tuple[str, ...]]] = {
    "digits": {
        "digits": CLASS_NAMES["digits"],
        "digits-low": ("0", "1", "2", "3", "4"),
        "digits-high": ("5", "6", "7", "8", "9"),
        "digits-even": ("0", "2", "4", "6", "8"),
        "digits-odd": ("1", "3", "5", "7", "9"),
    },
    "fashion-mnist": {
        "fashion-mnist": CLASS_NAMES["fashion-mnist"],
        "fashion-tops": ("T-shirt/top", "Pullover", "Coat", "Shirt"),
        "fashion-footwear": ("Sandal", "Sneaker", "Ankle boot"),
        "fashion-others": ("Trouser", "Dress", "Bag"),
        "fashion-clothes": ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Shirt"),
        "fashion-accessories": ("Sandal", "Sneaker", "Bag", "Ankle boot"),
    },
    "cifar10": {
        "cifar10": CLASS_NAMES["cifar10"],
        "cifar10-vehicles": ("airplane", "automobile", "ship", "truck"),
        "cifar10-animals": ("bird", "cat", "deer", "dog", "frog", "horse"),
    },
    "cifar100": {
        "cifar100": CLASS_NAMES["cifar100"],
        "herbivores": ("camel", "cattle", "chimpanzee", "elephant", "kangaroo"),
        "carnivores": ("bear", "leopard", "lion", "tiger", "wolf"),
        "vehicles-1": ("bicycle", "bus", "motorcycle", "pickup_truck", "train"),
        "vehicles-2": ("lawn_mower", "rocket", "streetcar", "tank", "tractor"),
        "flowers": ("orchid", "poppy", "rose", "sunflower", "tulip"),
        "scenes": ("cloud", "forest", "mountain", "plain", "sea"),
    },
}

CATALOGUE: dict[str, TaskSpec] = {
    name: TaskSpec(name=name, dataset=dataset, classes=classes)
    for dataset, tasks in _CLASSES.items()
    for name, classes in tasks.items()
}
