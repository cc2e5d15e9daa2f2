"""Command line that rebuilds assets/easy: `python -m engine.data.easy`; with --check it only proves what is there."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from engine.data.easy.check import failed_references
from engine.data.easy.tasks import make_splits
from engine.problems import assert_disjoint, load_problems, save_problems


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.data.easy", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("assets/easy"))
    parser.add_argument("--check", action="store_true", help="write nothing; compare the files with the recipe")
    arguments = parser.parse_args()
    splits = make_splits()
    assert_disjoint(splits)
    faults = failed_references([problem for problems in splits.values() for problem in problems])
    for name, problems in splits.items():
        path = arguments.out / f"{name}.jsonl"
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_problems(path, problems)
        elif list(load_problems(path)) != problems:
            faults.append(f"{path} is not what the recipe makes")
        print(f"{path}: {len(problems)} tasks")
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
