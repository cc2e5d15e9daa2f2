"""Text of other people that would take over a terminal, in every string of a run, a preset or a problem.

`leaks` looks through the bytes that reached a terminal, a browser or a file for what is left of it. Strings are found
by walking the data, so that a new field is covered as soon as it is recorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from engine.config import RunConfig
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.archive import ArchiveWriter
from engine.runs.archive_reader import ArchiveReader
from engine.runs.folder import RunFolder
from engine.runs.live import LiveWriter
from engine.runs.records import StepRecord
from tests.cure_tui.recorded import record_run

MARK = "zq"
"""Letters between the controls: on a screen, they show that the text has come so far."""
_CONTROLS = (
    "\x1b[7331J", "\r", "\x9b7331J", "\x1b]0;7331\x07", "\u202e", "\x1b]52;c;7331\x1b\\", "\b", "\x9d0;7331\x9c",
    "\x1b]8;;7331\x1b\\", "\x1bP7331\x1b\\", "\x07", "\x0e", "\x0c", "\x7f", "\u2066", "\u2069", "\u200b",
    "\u2028", "\u2029", "\x1bc", "\ufeff",
)  # fmt: skip
HOSTILE = MARK + MARK.join(_CONTROLS) + MARK
_LEAK = re.compile(
    r"\x1b(?:\[|\](?!2;)[^\x07\x1b]*|P)?7331"  # a title (OSC 2) may name a run
    r"|\x1bc|[\x0c\x0e\x7f-\x9f\u200b\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
    f"|{MARK}[\r\b\x07]{MARK}"
)
_WITH_A_MEANING = {"split", "when", "phase", "letter", "level", "command", "role", "status", "state", "name"}
"""Fields whose words choose what is shown; readers drop other values."""


def leaks(raw: bytes) -> list[str]:
    """Return what is left of HOSTILE, or of its like, in output."""
    return sorted(set(map(repr, _LEAK.findall(raw.decode("utf-8", "surrogateescape")))))


def spoiled(tree: Any, keep: Iterable[str] = (), *, with_names: bool = False) -> Any:
    """Append HOSTILE to every string in JSON or in records, but for the fields `keep`; with_names: to names, too."""
    if isinstance(tree, str):
        return tree + HOSTILE
    if isinstance(tree, list | tuple):
        return type(tree)(spoiled(each, keep, with_names=with_names) for each in tree)
    if isinstance(tree, dict):
        changed = {
            name: each if name in keep else spoiled(each, keep, with_names=name == "metrics")
            for name, each in tree.items()
        }
        return changed | ({HOSTILE: 1.0, f"code{HOSTILE}": 0.5} if with_names else {})
    if is_dataclass(tree) and not isinstance(tree, type):
        known = {field.name: getattr(tree, field.name) for field in fields(tree)}
        return replace(tree, **{name: spoiled(each, keep) for name, each in known.items() if name not in keep})
    return tree


def spoiled_config(config: RunConfig) -> RunConfig:
    """Append HOSTILE to every setting that may be any text."""
    settings = config.model_dump()
    for table in (settings, *(table for table in settings.values() if isinstance(table, dict))):
        for name, value in table.items():
            if isinstance(value, str):
                table[name] = value + HOSTILE
                try:
                    RunConfig.model_validate(settings)
                except ValidationError:
                    table[name] = value
    return RunConfig.model_validate(settings)


def hostile_run(path: Path, *, all_words: bool) -> RunFolder:
    """Record a run with HOSTILE in every string. all_words: also in those that choose what is shown."""
    keep = set() if all_words else _WITH_A_MEANING
    folder = RunFolder.create(path, dump_toml(spoiled_config(load_preset("nano"))))
    record_run(folder, 3, planned=9, finish=False)
    lines = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    told = [{**line, "data": spoiled(line["data"], keep)} for line in lines]
    failed = {"kind": "run_failed", "step": 3, "seconds": 99.0, "time": lines[-1]["time"] + 9,
              "data": {"error": HOSTILE, "remedy": HOSTILE}}  # fmt: skip
    notices = [{**failed, "kind": "notice", "data": {"level": level, "text": level + HOSTILE + "\ud800"}}
               for level in ("info", "warning", "error")]  # fmt: skip
    folder.journal.write_text("".join(json.dumps(line) + "\n" for line in (*told, *notices, failed)))
    with ArchiveReader(folder.archive) as reader:
        steps = [
            StepRecord(step, tuple(filter(None, (reader.read_task(step, task) for task in reader.tasks(step)))))
            for step in reader.steps()
        ]
    folder.archive.unlink()
    with ArchiveWriter(folder.archive) as archive:
        for step in steps:
            archive.write_step(spoiled(step, keep))
    wall = LiveWriter(folder.live)
    wall.start_phase("sample" + (HOSTILE if all_words else ""), 9)
    for slot, role in enumerate(("coder", "tester") * 4):
        wall.update(slot, role, f"task{HOSTILE}", f"tail{HOSTILE}", 3, "sampling")
    wall.flush()
    folder.log.write_text(f"INFO {HOSTILE}\nerror: {HOSTILE}\n")
    folder.lock_file.write_text(f"1234\n{HOSTILE}\n")
    return folder
