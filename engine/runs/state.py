"""State of a run as its journal tells it: `reduce(state, event) -> state`, pure, for every view, replay and test."""

from __future__ import annotations

import contextlib
import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Literal, cast

from engine.evaluation.summary import EvalSummary
from engine.reward.mode import reward_words
from engine.runs.columns import Columns
from engine.runs.events import Event, EventKind, Json
from engine.runs.history import History
from engine.runs.values import is_number, is_whole

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Axis = Literal["step", "seconds", "time"]

# Bounds that no run reaches: without them, a journal of some megabytes could be written so that reading takes hours.
_METRICS_KEPT, _EVALUATIONS_KEPT, _RESUMES_KEPT = 500, 5_000, 1_000
_LATE = 16
_ASKED = frozenset({"stop", "checkpoint"})


class RunStatus(StrEnum):
    """Status of a run by its last events. They cannot tell whether the engine is alive; the lock does (`listing`)."""

    NEW = "new"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Phase:
    """Current phase of the engine: `total` units of work, None if unknown; `seconds`: `Event.seconds` at its start.

    At the last heartbeat: `done` units, `sampled` and `tokens` since the start, `beat_seconds` its `Event.seconds`.
    """

    name: str
    step: int | None
    seconds: float
    total: int | None = None
    unit: str = ""
    done: int | None = None
    sampled: int | None = None
    tokens: int | None = None
    beat_seconds: float = 0.0

    @property
    def rate(self) -> float | None:
        """Units a second since the phase started; None before there are any."""
        return self._per_second(self.done if self.sampled is None else self.sampled)

    @property
    def token_rate(self) -> float | None:
        """Tokens a second since the phase started; None before there are any."""
        return self._per_second(self.tokens)

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the seconds from the last heartbeat to the end of the phase; None if it is unknown."""
        rate = self.rate
        if rate is None or self.total is None or self.done is None:
            return None
        return max(0, self.total - self.done) / rate

    def _per_second(self, count: int | None) -> float | None:
        elapsed = self.beat_seconds - self.seconds
        return count / elapsed if count and elapsed > 0 else None


@dataclass(frozen=True, slots=True)
class StepPoint:
    """Metrics of one finished step; None for a number that was not finite or did not apply."""

    step: int
    seconds: float
    time: float
    metrics: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Evaluation after `step` trained steps; `when`: start, periodic or end."""

    step: int
    seconds: float
    split: str
    when: str
    summary: EvalSummary


@dataclass(frozen=True, slots=True)
class Notice:
    """Line of the run's log; `level`: info, warning or error."""

    step: int | None
    time: float
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Confinement of the run's programs: `letter` A (all mechanisms) to D (none), with reasons and a remedy."""

    letter: str
    summary: str
    reasons: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def confined(self) -> bool:
        return self.letter != "D"


@dataclass(frozen=True, slots=True)
class RunState:
    """State of a run after the events read so far. Immutable, so threads may share it."""

    status: RunStatus = RunStatus.NEW
    preset: str = ""
    steps: int = 0  # planned
    seed: int | None = None
    start: str = ""  # "RUN@STEP" whose adapter it starts from
    rewards: str = ""  # how they differ from hidden tests alone, by `engine.reward.mode`
    sandbox: Sandbox | None = None
    step: int = 0  # last finished
    phase: Phase | None = None
    points: History[StepPoint] = field(default_factory=History)
    metric_names: tuple[str, ...] = ()  # in order of appearance
    evaluations: tuple[Evaluation, ...] = ()
    notices: History[Notice] = field(default_factory=History)
    checkpoint_step: int | None = None
    best_step: int | None = None
    resumes: int = 0
    asked: frozenset[str] = frozenset()  # commands that the engine will obey when the step ends
    started: float | None = None  # Unix time
    updated: float | None = None  # Unix time of the last event
    seconds: float = 0.0  # at work
    labelling_seconds: float = 0.0  # of these, while a tester wrote the labels: no part of the run's minutes
    summary: Mapping[str, Json] | None = None  # of a finished run
    ending: str = ""  # why it finished, stopped or failed
    remedy: str = ""
    columns: Columns[StepPoint] = field(default_factory=Columns, compare=False, repr=False)  # cache of `column`

    @property
    def metrics(self) -> Mapping[str, float | None]:
        """Metrics of the last finished step; empty before the first."""
        return self.points[-1].metrics if self.points else {}

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """Return one metric over all finished steps, float64 [steps], read-only; NaN for a step without it.

        Cached: O(steps since the last call).
        """
        return self.columns.of(name, self.points, lambda point: point.metrics.get(name))

    def axis(self, name: Axis = "step") -> npt.NDArray[np.float64]:
        """Return the positions of `column`'s points: step number, seconds at work or Unix time, float64 [steps]."""
        return self.columns.of((name,), self.points, attrgetter(name))  # a tuple: no metric has this key

    def evaluation(self, split: str, when: str) -> Evaluation | None:
        """Return the last evaluation of that split and kind."""
        found = (each for each in reversed(self.evaluations) if each.split == split and each.when == when)
        return next(found, None)


class Changes(dict[str, object]):
    """Fields of the state that an event changes, with their new values."""


def reduce(state: RunState, event: Event) -> RunState:
    """Return the state after `event`. Pure; O(1) except for `evaluation` (O(evaluations)) and `resumed` (O(steps)).

    `resumed` drops everything of steps >= from_step: those steps are run again. An evaluation repeated after a kill
    replaces the earlier one. Unknown kinds change only the time.
    """
    return replay((event,), state)


def replay(events: Iterable[Event], state: RunState | None = None) -> RunState:
    """Return the state after many events; without any, `state` itself."""
    start = state if state is not None else RunState()
    # The draft is changed in place until it is returned. A copy per event would take ten times as long as everything
    # else that the events of a long journal need.
    draft = replace(start)
    touched = False
    for event in events:
        touched = True
        known = _REDUCERS.get(event.kind)
        if known is not None:
            for name, value in known(draft, event).items():
                object.__setattr__(draft, name, value)
        object.__setattr__(draft, "updated", event.time)
        if event.seconds > draft.seconds:
            object.__setattr__(draft, "seconds", event.seconds)
    return draft if touched else start


def _run_started(state: RunState, event: Event) -> Changes:
    return Changes(
        status=RunStatus.RUNNING,
        preset=_text(event, "preset"),
        steps=_whole(event, "steps") or 0,
        seed=_whole(event, "seed"),
        start=_text(event, "start"),
        rewards=reward_words(_text(event, "labels"), _whole(event, "anchors") or 0, _text(event, "supervision")),
        started=event.time,
    )


def _sandbox(state: RunState, event: Event) -> Changes:
    reasons = event.data.get("reasons")
    told = tuple(map(str, reasons)) if isinstance(reasons, list) else ()
    sandbox = Sandbox(_text(event, "letter"), _text(event, "summary"), told, _text(event, "remedy"))
    return Changes(sandbox=sandbox)


def _phase_started(state: RunState, event: Event) -> Changes:
    name, total = _text(event, "phase"), _whole(event, "total")
    return Changes(phase=Phase(name, event.step, event.seconds, total, _text(event, "unit")))


def _phase_finished(state: RunState, event: Event) -> Changes:
    return Changes(phase=None)


def _heartbeat(state: RunState, event: Event) -> Changes:
    if state.phase is None:
        return Changes()
    total = _whole(event, "total")
    phase = replace(
        state.phase,
        done=_whole(event, "done"),
        total=state.phase.total if total is None else total,
        sampled=_whole(event, "sampled"),
        tokens=_whole(event, "tokens"),
        beat_seconds=event.seconds,
    )
    return Changes(phase=phase)


def _labelled(state: RunState, event: Event) -> Changes:
    seconds = event.data.get("seconds")
    if not is_number(seconds) or seconds < 0:
        return Changes()
    return Changes(labelling_seconds=state.labelling_seconds + float(seconds))


def _step_finished(state: RunState, event: Event) -> Changes:
    if event.step is None:
        return Changes()
    metrics = _numbers(event, "metrics")
    names = state.metric_names
    if len(names) < _METRICS_KEPT and not metrics.keys() <= state.metrics.keys():
        names = tuple(dict.fromkeys((*names, *metrics)))[:_METRICS_KEPT]
    point = StepPoint(event.step, event.seconds, event.time, metrics)
    return Changes(step=event.step, phase=None, points=state.points.append(point), metric_names=names)


def _evaluation(state: RunState, event: Event) -> Changes:
    if len(state.evaluations) >= _EVALUATIONS_KEPT:
        return Changes()
    split, when = _text(event, "split"), _text(event, "when")
    summary = EvalSummary.from_json(_object(event, "summary"), strict=False)
    new = Evaluation(event.step or 0, event.seconds, split, when, summary)
    # A repeated evaluation stands near the end: `resumed` has dropped those of later steps.
    early, late = state.evaluations[:-_LATE], state.evaluations[-_LATE:]
    others = (each for each in late if (each.step, each.split, each.when) != (new.step, split, when))
    return Changes(evaluations=(*early, *others, new))


def _checkpoint(state: RunState, event: Event) -> Changes:
    best = event.step if event.data.get("best") else state.best_step
    return Changes(checkpoint_step=event.step, best_step=best, asked=state.asked - {"checkpoint"})


def _notice(state: RunState, event: Event) -> Changes:
    notice = Notice(event.step, event.time, _text(event, "level") or "info", _text(event, "text"))
    return Changes(notices=state.notices.append(notice))


def _asked(state: RunState, event: Event) -> Changes:
    return Changes(asked=state.asked | {_text(event, "command")} & _ASKED)


def _paused(state: RunState, event: Event) -> Changes:
    return Changes(status=RunStatus.PAUSED)


def _continued(state: RunState, event: Event) -> Changes:
    return Changes(status=RunStatus.RUNNING)


def _resumed(state: RunState, event: Event) -> Changes:
    from_step = _whole(event, "from_step")
    if from_step is None or state.resumes >= _RESUMES_KEPT:
        return Changes()
    points = state.points.first(bisect_left(state.points, from_step, key=lambda point: point.step))
    checkpoint, best = state.checkpoint_step, state.best_step
    # New limits continue a finished run: its evaluation at the end becomes a periodic one.
    kept = (replace(each, when="periodic") if each.when == "end" else each for each in state.evaluations)
    return Changes(
        status=RunStatus.RUNNING,
        steps=_whole(event, "steps") or state.steps,
        step=max(0, from_step - 1),
        phase=None,
        points=points,
        evaluations=tuple(each for each in kept if each.step < from_step),
        checkpoint_step=min(checkpoint, from_step - 1) if checkpoint is not None and from_step > 1 else None,
        best_step=best if best is not None and best < from_step else None,
        resumes=state.resumes + 1,
        asked=frozenset(),
        summary=None,
        ending="",
        remedy="",
    )


def _run_finished(state: RunState, event: Event) -> Changes:
    summary, ending = _object(event, "summary"), _text(event, "reason")
    return Changes(status=RunStatus.FINISHED, phase=None, asked=frozenset(), summary=summary, ending=ending)


def _run_stopped(state: RunState, event: Event) -> Changes:
    return Changes(status=RunStatus.STOPPED, phase=None, asked=frozenset(), ending=_text(event, "reason"))


def _run_failed(state: RunState, event: Event) -> Changes:
    ending, remedy = _text(event, "error"), _text(event, "remedy")
    return Changes(status=RunStatus.FAILED, phase=None, asked=frozenset(), ending=ending, remedy=remedy)


_REDUCERS: Mapping[str, Callable[[RunState, Event], Changes]] = {
    EventKind.RUN_STARTED: _run_started,
    EventKind.SANDBOX: _sandbox,
    EventKind.PHASE_STARTED: _phase_started,
    EventKind.PHASE_FINISHED: _phase_finished,
    EventKind.HEARTBEAT: _heartbeat,
    EventKind.LABELLED: _labelled,
    EventKind.STEP_FINISHED: _step_finished,
    EventKind.EVALUATION: _evaluation,
    EventKind.CHECKPOINT: _checkpoint,
    EventKind.NOTICE: _notice,
    EventKind.ASKED: _asked,
    EventKind.PAUSED: _paused,
    EventKind.CONTINUED: _continued,
    EventKind.RESUMED: _resumed,
    EventKind.RUN_FINISHED: _run_finished,
    EventKind.RUN_STOPPED: _run_stopped,
    EventKind.RUN_FAILED: _run_failed,
}


def _text(event: Event, name: str) -> str:
    value = event.data.get(name)
    return value if isinstance(value, str) else ""


def _whole(event: Event, name: str) -> int | None:
    value = event.data.get(name)
    return value if is_whole(value) and value >= 0 else None


def _numbers(event: Event, name: str) -> Mapping[str, float | None]:
    """Return the numbers of an object, without a copy if it holds nothing else; None for one that is not finite."""
    values = _object(event, name)
    numbers = values.values()
    if len(values) <= _METRICS_KEPT and set(map(type, numbers)) <= {float, int, type(None)}:
        # A NaN, an infinity or a whole beyond the floats among them shows in their sum.
        with contextlib.suppress(OverflowError):
            if math.isfinite(sum(filter(None, cast("Iterable[float | None]", numbers)))):
                return cast("Mapping[str, float | None]", values)
    some = islice(values.items(), _METRICS_KEPT)
    return {key: value if is_number(value) else None for key, value in some if _is_real(value)}


def _is_real(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _object(event: Event, name: str) -> Mapping[str, Json]:
    value = event.data.get(name)
    return value if isinstance(value, dict) else {}
