"""Whether every coupling block gets a tile."""

from collections.abc import Mapping, Sequence
from typing import Any

from raytd.sweep.document.section_check import Checked
from raytd.sweep.document.yaml_data import Finding, KeyPath
from raytd.sweep.file.combinations import Design, variants
from raytd.tasks.spec import TaskSpec


def check_tiles(
    tasks: Sequence[TaskSpec],
    pairs: Sequence[tuple[str, str]],
    design: Design,
    sections: Mapping[str, Checked[Any]],
) -> list[Finding]:
    """Numbers of blocks that are greater than the number of tiles of some pair.

    A pair is left to the plan where an image count is not known before the data are read.
    """
    from raytd.transport.tiles import n_tiles

    if {"blocks", "tile_size"} & sections["coupled"].dropped:
        return []
    counts = {task.name: task.train for task in tasks}
    known = [(max(a, b), s, t) for s, t in pairs if (a := counts.get(s)) and (b := counts.get(t))]
    if not known:
        return []
    n, source, target = min(known, key=lambda pair: pair[0])
    findings: dict[KeyPath, Finding] = {}
    for coupled, combination in variants("coupled", design, sections):
        blocks, tile_size = coupled.blocks, coupled.tile_size
        there = n_tiles(n, n, tile_size)
        if blocks > there:
            message = (
                f"{blocks} blocks need as many tiles; {source} -> {target} has {there} "
                f"({n} images in tiles of {tile_size}); set blocks to at most {there}"
            )
            smaller = -(-n // (blocks - 1)) - 1
            path = combination.places.get("blocks", ("coupled", "blocks"))
            message += f" or tile_size to at most {smaller}" if smaller else ""
            findings.setdefault(path, Finding(path, message))
    return list(findings.values())
