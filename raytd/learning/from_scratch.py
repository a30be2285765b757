"""What networks learnt from scratch, kept beside the sources: all sources of a target share it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from raytd.learning.few_shot import Learnt
from raytd.storage.cache import Kind, address
from raytd.storage.files import write_json
from raytd.storage.path import StoragePath


def kept(
    folder: StoragePath | None,
    identity: Mapping[str, object],
    learn: Callable[[], Sequence[Learnt]],
    *,
    task: str,
) -> Sequence[Learnt]:
    """What `learn` returns, read from the folder or learnt now and kept there; see `Kind.get`.

    Args:
        folder: where `scratch-<key>.json` lie, beside the sources; None keeps nothing.
        identity: all that decides what is learnt, as JSON.
        learn: learns, once for each repeat.
        task: name of what is learnt.
    """

    def write(path: StoragePath, learnt: Sequence[Learnt]) -> None:
        write_json(path, {**identity, "repeats": [asdict(repeat) for repeat in learnt]})

    kind = Kind("scratch-{}.json", write, _read)
    return kind.get(folder, address(identity), learn, what=f"learning {task} from scratch")


def _read(path: StoragePath) -> Sequence[Learnt]:
    held = json.loads(path.read_text())["repeats"]
    return tuple(Learnt(tuple(r["accuracies"]), r["forward_images"]) for r in held)
