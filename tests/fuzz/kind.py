"""A kind of file, with files that raytd takes, and what a mutant of one must not become."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.fuzz.mutate import Mutation
from tests.fuzz.watch import Outcome, watched

Files = Mapping[str, bytes]
"""Contents by the place below a folder."""


@dataclass(frozen=True)
class Kind:
    """Files of one kind.

    Attributes:
        name: of the kind.
        seeds: sets of files that are right.
        use: reads such a set as a user would, from its folder; raises `Coerced` for what was read
            otherwise than it is written.
        mutate: damages one file, by the ending of its name.
    """

    name: str
    seeds: Sequence[Files]
    use: Callable[[Path], None]
    mutate: Mapping[str, Mutation]

    def mutant(self, seed: int, case: int) -> Files:
        """The files of a case, of which one is damaged; the same each time."""
        random = Random(f"{self.name}/{seed}/{case}")
        files = dict(random.choice(self.seeds))
        name = random.choice(sorted(name for name in files if self._mutation(name)))
        files[name] = self._mutation(name)(random, files[name])
        return files

    def try_out(self, files: Files, folder: Path) -> Outcome:
        """What becomes of files, once they are written into a new folder."""
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return watched(lambda: self.use(folder))

    def _mutation(self, name: str) -> Mutation:
        return next((m for ending, m in self.mutate.items() if name.endswith(ending)), None)


@dataclass(frozen=True)
class Fault:
    """A mutant that ended badly, and how to see it again."""

    kind: str
    seed: int
    case: int
    what: str

    def __str__(self) -> str:
        again = f"--kind {self.kind} --seed {self.seed} --case {self.case}"
        return f"{self.what}  (python -m tests.fuzz {again})"


@dataclass(frozen=True)
class Tried:
    """What became of the mutants of a kind."""

    n: int
    n_taken: int
    faults: tuple[Fault, ...]


def try_mutants(kind: Kind, *, seed: int, cases: range) -> Tried:
    """Tries mutants of a kind, each in a folder of its own."""
    n_taken, faults = 0, list[Fault]()
    for case in cases:
        with new_folder() as folder:
            outcome = kind.try_out(kind.mutant(seed, case), folder)
        n_taken += outcome.taken
        if outcome.fault:
            faults.append(Fault(kind.name, seed, case, outcome.fault))
    return Tried(len(cases), n_taken, tuple(faults))


@contextmanager
def new_folder() -> Iterator[Path]:
    """A folder that is removed."""
    with tempfile.TemporaryDirectory(prefix="raytd-mutant-") as name:
        yield Path(name)
