"""PROVENANCE.json beside a fetched set: where its tasks come from, how they were made, and what was left out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.data.converted import Converted, Kept
from engine.data.download import file_sha256
from engine.machine.regular_files import read_regular
from engine.printable import printable

FILE = "PROVENANCE.json"
CONVERTER_VERSION = 1
"""Raised whenever the same file is converted to other tasks."""

_NAMED_IDS = 20
_MOST_BYTES = 64 << 20
_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")


@dataclass(frozen=True, slots=True)
class Origin:
    """File that tasks were made of. found: "hub", "cache" or "by hand". pinned: as the registry has it."""

    split: str
    url: str
    revision: str
    sha256: str
    bytes: int
    found: str
    pinned: bool


@dataclass(slots=True)
class Tally:
    """Counts of a conversion: tasks kept, by verdict and remark, and records dropped, by reason with the first ids."""

    kept: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    ids: dict[str, list[str]] = field(default_factory=dict)

    def count(self, task: Converted) -> None:
        if isinstance(task, Kept):
            self.kept += 1
            self.verdicts[task.problem.verdict or "unverified"] += 1
            self.notes.update(_NUMBER.sub("n", note) for note in task.notes)
            return
        self.dropped[task.reason] += 1
        named = self.ids.setdefault(task.reason, [])
        if len(named) < _NAMED_IDS:
            named.append(task.id or f"line {task.line}")

    def to_json(self) -> dict[str, Any]:
        reasons = [
            {"reason": reason, "records": count, "first": self.ids[reason]}
            for reason, count in self.dropped.most_common()
        ]
        verdicts, notes = dict(sorted(self.verdicts.items())), dict(self.notes.most_common())
        return {"kept": self.kept, "verdicts": verdicts, "notes": notes, "dropped": reasons}


def write_provenance(
    folder: Path,
    name: str,
    licence: str,
    kind: str,
    origins: Sequence[Origin],
    options: Mapping[str, object],
    tallies: Mapping[str, Tally],
    files: Sequence[Path],
) -> None:
    """Write the account of a set into its folder, whole or not at all. Raises OSError."""
    account = {
        "set": name,
        "licence": licence,
        "statements": "belong to the contest sites that they come from",
        "kind": kind,
        "converter_version": CONVERTER_VERSION,
        "options": options,
        "sources": [asdict(origin) for origin in origins],
        "counts": {split: tally.to_json() for split, tally in tallies.items()},
        "files": {path.name: {"sha256": file_sha256(path), "bytes": path.stat().st_size} for path in files},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    aside = folder / f".{FILE}.tmp"
    text = json.dumps(account, indent=2, ensure_ascii=False)
    # Names and ids of others: a terminal that shows the file must not obey them.
    text = printable(text, keep="\n", shown=lambda character: json.dumps(character)[1:-1])
    aside.write_text(text + "\n", encoding="utf-8")
    aside.replace(folder / FILE)


def read_provenance(folder: Path) -> dict[str, Any]:
    """Return the account of a set, its sources a list of objects; empty if it has none that can be read."""
    try:
        account = json.loads(read_regular(folder / FILE, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(account, dict):
        return {}
    sources = account.get("sources")
    return account | {
        "sources": [each for each in sources if isinstance(each, dict)] if isinstance(sources, list) else []
    }
