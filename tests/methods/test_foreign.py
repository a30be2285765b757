"""A method of another distribution is refused for all that it says wrongly, at once."""

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Annotated, Any, TypedDict

import pytest
from pydantic import Field

from raytd.checked import Positive
from raytd.engine.config import Settings
from raytd.errors import RequestError
from raytd.methods.foreign import brought
from raytd.methods.method import Method
from raytd.methods.registry import METHODS
from raytd.rows.column import Column
from raytd.sweep.file.schema import told


class Power(Settings):
    """Settings.

    Attributes:
        power: of the difference.
    """

    power: Positive = 1.0
    scale: Positive = Field(2.0, description="by which it is divided")


class Bare(Settings):
    power: Positive
    root: bool


class Figures(TypedDict, total=False):
    brightness: Annotated[float, Column("mean pixel", "levels")]


class Unsaid(TypedDict, total=False):
    brightness: float


class OfLists(TypedDict, total=False):
    brightness: Annotated[list[float], Column("every pixel")]


GOOD = Method(
    name="my-brightness",
    unit="1",
    smaller_is_closer=True,
    settings=Power,
    section="my_brightness",
    run=print,
    costs="a look at every image",
    obeys=("pretrain",),
    needs=(),
    figures=Figures,
)


def bring(monkeypatch: pytest.MonkeyPatch, method: Any, name: str = "my-brightness") -> Method:
    module = ModuleType("brightness_of_others")
    module.METHOD = method  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return brought(EntryPoint(name, f"{module.__name__}:METHOD", "raytd.methods"), METHODS)


def test_one_that_says_what_can_be_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert bring(monkeypatch, GOOD) is GOOD
    variant = replace(GOOD, settings=METHODS["otdd"].settings, section="otdd")
    assert bring(monkeypatch, variant) is variant
    assert told(Power) == {"power": "of the difference.", "scale": "by which it is divided"}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"name": "otdd"}, "there are two methods 'otdd'"),
        ({"name": "brightness"}, "it calls itself 'brightness'; both names must be the same"),
        ({"name": "my bright,ness"}, "its name is 'my bright,ness'; it must be like my-distance"),
        ({"name": None}, "its name is None; it must be like my-distance"),
        ({"unit": 3}, "its unit is 3; it must be a text"),
        ({"costs": ""}, "its costs is ''; it must be a text"),
        ({"smaller_is_closer": "yes"}, "smaller_is_closer is 'yes'; it must be True or False"),
        ({"run": None}, "run is None; it must be a function"),
        ({"obeys": ("pretrian",)}, "obeys has pretrian; there are trajectory, pretrain, stop"),
        ({"needs": ("sources",)}, "needs has sources; there are source, target, reference"),
        ({"settings": dict}, "they must be a class of raytd.engine.config.Settings"),
        ({"settings": Bare}, "it has settings without a default (power, root)"),
        ({"section": "my section"}, "its section is 'my section'; it must be like my_distance"),
        ({"section": "otdd"}, "is that of the method 'otdd', which has no key power, scale"),
        ({"figures": Unsaid}, "its figures: brightness must be declared as in Annotated[float, "),
        ({"figures": OfLists}, "its figures: brightness must be declared as in Annotated[float, "),
    ],
)
def test_what_cannot_be_is_named(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(RequestError) as refused:
        bring(monkeypatch, replace(GOOD, **changed))
    line = str(refused.value)
    assert line.startswith("the method 'my-brightness' of brightness_of_others:METHOD: ")
    assert said in line
    assert line.endswith(": mend or uninstall that distribution")
    assert "\n" not in line


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RequestError) as refused:
        bring(monkeypatch, replace(GOOD, unit=3, obeys=("pretrian",), settings=Bare))
    assert str(refused.value).count("; ") >= 3


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("gone:METHOD", "cannot be loaded (ModuleNotFoundError: No module named 'gone')"),
        ("json:dumps", "is a function, not a raytd.methods.method.Method"),
    ],
)
def test_what_is_no_method_is_named(value: str, said: str) -> None:
    with pytest.raises(RequestError) as refused:
        brought(EntryPoint("odd", value, "raytd.methods"), METHODS)
    assert said in str(refused.value)
