"""Models that a run holds on its server, by name in the run's folder.

A killed run's models keep their slots for six minutes, and the run that is resumed at once would find none. What is
listed here belongs to the run, so whoever holds the run's lock may unload it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine.runs.files import read_file, write_file

FILE = "tinker-models.json"
_MOST_BYTES = 1 << 14
_MODEL_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


class HeldModels:
    """List of the models of the run in `run_dir` on the server at `url`."""

    def __init__(self, run_dir: Path, url: str) -> None:
        self._run_dir, self._url = run_dir, url

    def read(self) -> tuple[str, ...]:
        """Return the names that were written last; () where there are none, or they are of another server."""
        try:
            found = json.loads(read_file(self._run_dir, FILE, _MOST_BYTES))
            if found["url"] != self._url:
                return ()
            return tuple(each for each in found["models"] if _MODEL_ID.fullmatch(each))
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return ()

    def write(self, model_ids: Sequence[str]) -> None:
        """Write the names. Without them a resume may have to wait for a slot, so a full disk does not end the run."""
        content = json.dumps({"url": self._url, "models": list(model_ids)})
        with suppress(OSError):
            write_file(self._run_dir, FILE, content.encode())
