"""Events of a run: one small type, its kinds, and its encoding as a line of the journal.

kind            step   data
run_started     -      version, preset, steps (planned), seed; labels, anchors, supervision if they are not the usual
                       ones; always the first event of a journal
sandbox         -      letter ("A" to "D"), summary, reasons (why not better), remedy: how programs are confined now
phase_started   k      phase, total (units of work ahead, null when unknown), unit
phase_finished  k      phase, seconds
labelled        0      seconds: a tester has written the run's labels; they are no part of the run's minutes
step_finished   k      metrics: {name: number | null}; written after the step's rows are in the archive
evaluation      k      split, when ("start" | "periodic" | "end"), summary: {...}; k = steps trained so far
checkpoint      k      name (folder under checkpoints/), seconds, best (bool); state after step k
notice          k | -  level ("info" | "warning" | "error"), text
heartbeat       k | -  done, total: progress inside a long phase; sampled, tokens: of it since the phase started
asked           k | -  command ("stop" or "checkpoint"): taken from the inbox, obeyed when the step ends
paused          k | -
continued       k | -
resumed         -      from_step: the first step to be run again; steps: planned number of steps
run_finished    k      summary: {...}, reason: the limit that was reached; new limits let the run be resumed
run_stopped     k      reason: who or what asked for it; the run can be resumed
run_failed      k | -  error, remedy; the run can be resumed once the cause is gone

A reader ignores unknown kinds and fields. Numbers that are not finite are written as null: JSON has none.
"""

from __future__ import annotations

import json
import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Any, Literal, TypeAlias

from engine.runs.values import LARGEST_WHOLE

JOURNAL_VERSION = 1
_TEXT_CHARS = 1_000_000  # a line stays below what a reader takes
_LONG_LINE, _MOST_VALUES = 1 << 20, 500_000
_END_OF_CALENDARS = 253_402_300_800.0
"""Unix time of the year 10000, which no calendar of Python knows."""

EvaluationTime: TypeAlias = Literal["start", "periodic", "end"]

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class EventKind(StrEnum):
    """Kinds of event, as in the table above."""

    RUN_STARTED = "run_started"
    SANDBOX = "sandbox"
    PHASE_STARTED = "phase_started"
    PHASE_FINISHED = "phase_finished"
    LABELLED = "labelled"
    STEP_FINISHED = "step_finished"
    EVALUATION = "evaluation"
    CHECKPOINT = "checkpoint"
    NOTICE = "notice"
    HEARTBEAT = "heartbeat"
    ASKED = "asked"
    PAUSED = "paused"
    CONTINUED = "continued"
    RESUMED = "resumed"
    RUN_FINISHED = "run_finished"
    RUN_STOPPED = "run_stopped"
    RUN_FAILED = "run_failed"


def _start_of(kind: EventKind) -> bytes:
    """Return the bytes with which `encode_event` begins a line of that kind."""
    return b'{"kind":"%s",' % kind.encode()


_PROGRESS = tuple(map(_start_of, (EventKind.PHASE_STARTED, EventKind.PHASE_FINISHED, EventKind.HEARTBEAT)))
_STEP = _start_of(EventKind.STEP_FINISHED)


@dataclass(frozen=True, slots=True)
class Event:
    """Event of a run.

    seconds: time the engine has worked on this run; never falls, stands still between a kill and a resume.
    time:    Unix time.
    """

    kind: str
    step: int | None
    seconds: float
    time: float
    data: Mapping[str, Json]


def encode_event(event: Event) -> bytes:
    """Return the event as one line of ASCII JSON, newline included."""
    line = {
        "kind": str(event.kind),
        "step": event.step,
        "seconds": round(event.seconds, 4),
        "time": round(event.time, 3),
        "data": event.data,
    }
    return json.dumps(line, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def is_progress(line: bytes) -> bool:
    """Return whether `line` only reports progress inside a step; the line is not parsed.

    The end of that step, or of a later one, supersedes such an event.
    """
    return line.startswith(_PROGRESS) and line.endswith(b"}}\n")


def ends_step(line: bytes) -> bool:
    """Return whether `line` is a readable `step_finished`."""
    event = decode_event(line) if line.startswith(_STEP) else None
    return event is not None and event.step is not None


def decode_event(line: bytes) -> Event | None:
    """Return the event on one line, or None if the line is not an event."""
    if not line.startswith(b"{"):
        return None
    # A byte of a deep or long list becomes twenty bytes of objects; a long text does not.
    if len(line) > _LONG_LINE and sum(map(line.count, (b"[", b"{", b","))) > _MOST_VALUES:
        return None
    fields = _parsed(line)
    if not isinstance(fields, dict):
        return None
    kind, step, data = fields.get("kind"), fields.get("step"), fields.get("data")
    seconds, time = fields.get("seconds"), fields.get("time")
    if not isinstance(kind, str) or not isinstance(data, dict):
        return None
    if step is not None and not (type(step) is int and 0 <= step <= LARGEST_WHOLE):
        return None
    if not isinstance(seconds, int | float) or not isinstance(time, int | float):
        return None
    if not (0 <= time < _END_OF_CALENDARS and abs(seconds) < _END_OF_CALENDARS):
        return None
    return Event(kind, step, float(seconds), float(time), data)


@cache
def _from_json() -> Callable[[bytes], Any]:
    """Import pydantic's JSON parser with the first journal: a home screen without runs starts without it."""
    from pydantic_core import from_json

    return from_json


def _parsed(line: bytes) -> Any:
    """Parse the JSON on `line`, None if it is none, in a third of the time of `json.loads` for 50 metrics."""
    try:
        return _from_json()(line)
    except ValueError:
        pass  # it also refuses lone surrogates, which a file name may bring into a notice
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def to_json(value: object) -> Json:
    """Convert `value` to plain JSON: tuples become lists, enums their values, numbers that are not finite null.

    Scalars of numpy and torch count as numbers. Raises TypeError for a value without a JSON form: a metric that cannot
    be written is a defect.
    """
    if isinstance(value, Enum):
        return to_json(value.value)
    if isinstance(value, str):
        return value[:_TEXT_CHARS]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Mapping):
        return {str(name): to_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    item = getattr(value, "item", None)  # numpy.bool_ and 0-d arrays are not `numbers`; `item` converts them
    if callable(item):
        return to_json(item())
    raise TypeError(f"an event cannot hold {type(value).__name__}")
