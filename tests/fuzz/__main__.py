"""`python -m tests.fuzz`: mutants of every kind, or of one."""

import argparse
import logging
import sys
from pathlib import Path

from tests.fuzz.all_kinds import KINDS
from tests.fuzz.kind import Kind, try_mutants


def main() -> int:
    """Tries mutants, says what became of them, and gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000, help="of all kinds together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=[kind.name for kind in KINDS])
    parser.add_argument("--case", type=int, help="this one alone, of --kind")
    parser.add_argument("--keep", type=Path, help="write the files of --case there")
    given = parser.parse_args()
    logging.getLogger("raytd").setLevel(logging.ERROR)
    kinds = [kind for kind in KINDS if given.kind in (None, kind.name)]
    if given.case is not None and given.keep:
        outcome = kinds[0].try_out(kinds[0].mutant(given.seed, given.case), given.keep)
        sys.stdout.write(f"{outcome}\n")
        return int(outcome.fault is not None)
    first, n = given.case or 0, 1 if given.case is not None else -(-given.cases // len(kinds))
    return int(sum(_told(kind, given.seed, range(first, first + n)) for kind in kinds) > 0)


def _told(kind: Kind, seed: int, cases: range) -> int:
    """Tries mutants of a kind and prints what became of them; the number of faults."""
    tried = try_mutants(kind, seed=seed, cases=cases)
    n_refused = tried.n - tried.n_taken - len(tried.faults)
    counts = f"{tried.n_taken} taken, {n_refused} refused, {len(tried.faults)} faults"
    sys.stdout.write("\n".join([f"{kind.name}: {counts}", *map(str, tried.faults), ""]))
    sys.stdout.flush()
    return len(tried.faults)


if __name__ == "__main__":
    sys.exit(main())
