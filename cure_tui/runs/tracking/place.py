"""Place that a log has reached: kept in the user's data, never in the run's folder, and locked while it is in use."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from engine.errors import RunError
from engine.machine.home import HOME_VARIABLE, home
from engine.runs.values import is_whole


@dataclass(frozen=True, slots=True)
class Place:
    """Place in a run: steps below `step` were sent whole; of later ones, `sent`: (step, part of `Numbers`).

    run: its `TrackedRun.key`; highest: the last step of which the tracker may hold something; resumes: resumptions of
    the run that are accounted for; generation: of `TrackedRun`.
    """

    run: str = ""
    step: int = 0
    sent: frozenset[tuple[int, str]] = frozenset()
    highest: int = -1
    resumes: int = 0
    generation: int = 0

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"sent": sorted(self.sent)})

    @classmethod
    def from_json(cls, text: str) -> Place:
        """Read the text of `to_json`. Raises ValueError."""
        try:
            fields = json.loads(text)
            whole = {name: fields[name] for name in ("step", "highest", "resumes", "generation")}
            sent = frozenset((step, part) for step, part in fields["sent"])
            run = fields["run"]
        except (KeyError, TypeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        if not all(map(is_whole, whole.values())) or not isinstance(run, str):
            raise ValueError("a place has other fields")
        if not all(is_whole(step) and isinstance(part, str) for step, part in sent):
            raise ValueError("a place has other parts")
        return cls(run, sent=sent, **whole)


class PlaceFile:
    """File of a place, for one process at a time."""

    def __init__(self, tracker: str, target: str, run: Path) -> None:
        """Lock the place of a run at a target. Raises RunError: another process is sending it there; not writable."""
        key = hashlib.sha256("\0".join((tracker, target, str(run.resolve()))).encode("utf-8", "surrogateescape"))
        folder = home() / "tracking" / "places"
        self._path = folder / f"{tracker}-{key.hexdigest()[:24]}.json"
        with _place_faults(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise RunError(
                f"another process is sending this run to {tracker}", "end that one, or give another --target"
            ) from None

    def read(self, run: str) -> Place:
        """Return the place in the run of that key; the beginning if none was noted, or of another run."""
        try:
            place = Place.from_json(self._path.read_text())
        except (OSError, ValueError):
            return Place(run)
        return place if place.run == run else Place(run)

    def note(self, place: Place) -> None:
        """Replace the noted place as a whole. Raises RunError."""
        new = self._path.with_suffix(".new")
        with _place_faults(self._path.parent):
            new.write_text(place.to_json())
            os.replace(new, self._path)

    def __enter__(self) -> PlaceFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._lock)


@contextmanager
def _place_faults(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        what = f"the place that this log has reached cannot be kept in {folder}: {reason}"
        raise RunError(what, f"free space or make it writable, or set {HOME_VARIABLE}") from error
