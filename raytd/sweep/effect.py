"""Which keys change the answer of a method."""

from typing import TYPE_CHECKING

from raytd.engine.config import Settings
from raytd.sweep.layout import SECTIONS

if TYPE_CHECKING:
    from raytd.methods.registry import Method


def settings_of(method: "Method", section: Settings) -> Settings:
    """The part of a sweep's section that a method obeys, as the method's own settings."""
    return method.config(**{key: getattr(section, key) for key in method.config.model_fields})


def is_read(method: "Method", key: str) -> bool:
    """Whether a method obeys a key at all; a dotted key is one of a section."""
    section, _, name = key.partition(".")
    if section == method.section:
        return name in method.config.model_fields
    if section == "stop":
        return "iterations" in method.config.model_fields
    return section not in _method_sections()


def is_effective(method: "Method", settings: Settings, key: str) -> bool:
    """Whether another value of a key would change the answer of a method with these settings."""
    idle = {
        "coupled.lam": getattr(settings, "proximal", None) == "none",
        "coupled.dealing": getattr(settings, "support", None) == "global",
    }
    return is_read(method, key) and not idle.get(key, False)


def _method_sections() -> set[str]:
    from raytd.methods.registry import METHODS

    return {method.section for method in METHODS.values()} & SECTIONS.keys()
