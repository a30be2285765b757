"""What networks learnt from scratch, kept beside the sources: all sources of a target share it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

from raytd.errors import StorageError
from raytd.learning.few_shot import Learnt
from raytd.storage.files import write_json
from raytd.storage.locks import make_once
from raytd.storage.path import StoragePath


def kept(
    folder: StoragePath | None,
    identity: Mapping[str, object],
    learn: Callable[[], Sequence[Learnt]],
    *,
    task: str,
) -> tuple[Learnt, ...]:
    """What `learn` returns, read from the folder or learnt now and kept there.

    Of several processes that want the same at once, one learns and the others wait.

    Args:
        folder: where `scratch-<key>.json` lie, beside the sources; None keeps nothing.
        identity: all that decides what is learnt, as JSON; the key is its digest.
        learn: learns, once for each repeat.
        task: name of what is learnt.

    Raises:
        StorageError: if the folder cannot be written, or what it holds cannot be read.
        WaitTimeoutError: if another process is at it for too long.
    """
    if folder is None:
        return tuple(learn())
    content = json.dumps(identity, sort_keys=True)
    path = folder / f"scratch-{hashlib.sha256(content.encode()).hexdigest()[:16]}.json"
    make_once(
        path,
        lambda: write_json(path, {**identity, "repeats": [asdict(r) for r in learn()]}),
        what=f"learning {task} from scratch",
    )
    return _read(path)


def _read(path: StoragePath) -> tuple[Learnt, ...]:
    try:
        held = json.loads(path.read_text())["repeats"]
        return tuple(Learnt(tuple(r["accuracies"]), r["forward_images"]) for r in held)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path}: cannot be read ({error!r}); remove it") from error
