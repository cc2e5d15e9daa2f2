"""Place that a log has reached: kept in the user's data, never in the run's folder, and locked while it is in use."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from engine.errors import RunError
from engine.machine.home import home


@dataclass(frozen=True, slots=True)
class Place:
    """Steps below `step` were sent whole; `resumes` of the run are known."""

    step: int = 0
    resumes: int = 0


class PlaceFile:
    """File of a place, for one process at a time."""

    def __init__(self, tracker: str, target: str, run: Path) -> None:
        """Lock the place of a run at a target. Raises RunError: another process is sending it there."""
        key = hashlib.sha256("\0".join((tracker, target, str(run.resolve()))).encode("utf-8", "surrogateescape"))
        folder = home() / "tracking" / "places"
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{tracker}-{key.hexdigest()[:24]}.json"
        self._lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RunError(
                f"another process is sending this run to {tracker}", "end that one, or give another --target"
            ) from None

    def read(self) -> Place:
        """Return the place; the beginning if none was noted."""
        try:
            fields = json.loads(self._path.read_text())
            return Place(*(max(0, int(fields[name])) for name in ("step", "resumes")))
        except (OSError, ValueError, KeyError, TypeError):
            return Place()

    def note(self, place: Place) -> None:
        """Replace the noted place as a whole."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(asdict(place)))
        os.replace(new, self._path)

    def __enter__(self) -> PlaceFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)
