"""Which keys change the answer of a method."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from raytd.engine.config import Settings

if TYPE_CHECKING:
    from raytd.methods.registry import Method


def settings_of(method: "Method", sections: Mapping[str, Settings]) -> Settings:
    """The part of a sweep's section that a method obeys, as the method's own settings."""
    if method.section is None:
        return method.config()
    section = sections[method.section]
    return method.config(**{key: getattr(section, key) for key in method.config.model_fields})


def is_read(method: "Method", key: str) -> bool:
    """Whether a method obeys a key at all; a dotted key is one of a section."""
    section, _, name = key.rpartition(".")
    if section == method.section:
        return name in method.config.model_fields
    if key == "weights":
        return "source" in method.networks
    if section == "trajectory" and name in method.fixed:
        return False
    return not section or section in method.obeys


def is_effective(method: "Method", settings: Settings, key: str) -> bool:
    """Whether another value of a key would change the answer of a method with these settings."""
    idle = {
        "coupled.lam": getattr(settings, "proximal", None) == "none",
        "coupled.dealing": getattr(settings, "support", None) == "global",
    }
    networks = method.networks_for(settings)
    if key in ("weights", "pretrain.min_accuracy"):
        return "source" in networks
    if key.startswith("pretrain."):
        return bool(networks)
    return is_read(method, key) and not idle.get(key, False)
