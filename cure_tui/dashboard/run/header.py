"""Header above every view of a run: two lines with its state, progress and key figures."""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cure_tui.dashboard.condition import condition_span
from cure_tui.dashboard.explain import Explanation, Term, metric_terms
from cure_tui.drawing.spans import Row, Span, one_column, width
from cure_tui.runs.activity import phase_name
from cure_tui.runs.alerts import drift
from cure_tui.runs.phase_progress import progress_of, update_progress
from cure_tui.runs.step_line import UNCONFINED, clock, last_step, seconds_left, usable_groups
from cure_tui.runs.watcher import Snapshot
from engine.machine.home import run_name
from engine.reward.mode import UNANCHORED
from engine.runs.inbox import Command, pause_wanted
from engine.runs.metrics import metric
from engine.runs.state import RunState

_QUIET_BEAT_SECONDS = 10
_BAR_COLUMNS = 12
_ALMOST = 0.95  # a bar of time is never full before the update is over
_GAP = "  "
_MARGINS = 1 + len(_GAP)
_LEAST_ENDING = 24
"""Columns of why a run has ended: the log has the whole text, and a name is worth more than its end."""


HEADER_TERMS = Explanation(
    "header",
    "The figures are those of the last finished step, or of the step shown while you travel through time.",
    (
        *metric_terms(
            (
                "tokens_per_second", "code_accuracy", "ut_accuracy", "mu", "kl", "peak_memory_mb", "peak_gpu_memory_mb",
            ),
            short=True,
        ),
        Term("exec/s", "programs run in the sandbox a second, over the last five steps"),
        Term("usable", "groups of answers with different rewards, of all groups: only they teach"),
        Term("left", "time to the last step at the recent pace, or to the time limit; ~ marks a forecast"),
        Term("sandbox", "confinement of programs, from A (all mechanisms) to D (none)"),
    ),
)  # fmt: skip
"""Explanation of the header."""


class _Item(NamedTuple):
    """Item of the header. Where not all items fit, those of the highest rank are left out, never cut."""

    rank: int
    row: Row


def header_rows(
    snapshot: Snapshot,
    chosen_step: int | None,
    columns: int,
    max_minutes: float = 0.0,
    kl_bound: float = 0.0,
) -> list[Row]:
    """Return two rows of at most `columns`.

    chosen_step: the step that the views show, and whose figures stand in the second row; None while they follow the
    run.
    """
    first, short = (
        _kept(_first_row(snapshot, chosen_step, columns, max_minutes, bar=bar), columns) for bar in (True, False)
    )
    return [
        _row(first if len(first) >= len(short) else short),
        _row(_kept(_second_row(_until(snapshot.state, chosen_step), kl_bound), columns)),
    ]


def _until(state: RunState, step: int | None) -> RunState:
    """Return the state with the steps up to `step` alone; a step that the journal lacks has no figures."""
    if step is None or not state.points or step >= state.points[-1].step:
        return state
    count = bisect_right(state.points, step, key=lambda point: point.step)
    if not count or state.points[count - 1].step != step:
        count = 0
    return replace(state, points=state.points.first(count))


def asked_of(snapshot: Snapshot) -> frozenset[str]:
    """Return the commands not carried out yet, whether the engine has read them or not."""
    return snapshot.state.asked | frozenset(snapshot.pending)


def coming_word(snapshot: Snapshot) -> str:
    """Say which requested change of state is still pending, "" if none is."""
    if not snapshot.is_live:
        return ""
    asked, paused = asked_of(snapshot), snapshot.is_paused
    evaluating = phase_name(snapshot.condition, snapshot.state).startswith("evaluate")
    if Command.STOP_NOW in asked or (paused and Command.STOP in asked):
        return "stopping after this phase"
    if Command.STOP in asked:
        return f"stopping after this {'evaluation' if evaluating else 'step'}"
    if pause_wanted(snapshot.pending, paused) is paused:
        return ""
    return "resuming" if paused else "pausing after this phase"


def executions_per_second(state: RunState) -> float | None:
    """Return sandbox executions per second over the last five steps; None before there are two, or after a resume."""
    points = state.points
    if len(points) < 2:
        return None
    first, last = points[max(0, len(points) - 6)], points[-1]
    counts = [point.metrics.get("executions_total") for point in (first, last)]
    seconds = last.seconds - first.seconds
    if counts[0] is None or counts[1] is None or seconds <= 0 or counts[1] < counts[0]:
        return None  # a resumed engine restarts its counter
    return (counts[1] - counts[0]) / seconds


def _first_row(
    snapshot: Snapshot, chosen_step: int | None, columns: int, max_minutes: float, *, bar: bool
) -> Iterator[_Item]:
    """Yield the items of the first row. bar: draw the progress of the phase, not only its numbers."""
    state = snapshot.state
    condition = _condition(snapshot)
    yield _Item(5, (Span(one_column(_short_name(snapshot.path)), "title"),))
    yield _Item(0, condition)
    if snapshot.is_live and Command.CHECKPOINT in asked_of(snapshot):
        yield _Item(6, (Span("checkpoint requested", "warning"),))
    if snapshot.is_live and (snapshot.beat_seconds or 0) > _QUIET_BEAT_SECONDS:
        yield _Item(3, (Span(f"no heartbeat for {snapshot.beat_seconds:.0f} s", "warning"),))
    if snapshot.loading and not state.step:
        yield _Item(9, (Span("reading", "muted"),))
    if state.steps:  # a journal without a first event does not say
        yield _Item(4, (Span("step ", "muted"), Span(f"{state.step}/{state.steps}", "text")))
    if chosen_step is not None:
        yield _Item(2, (Span(f"showing step {chosen_step}", "warning"),))
    if state.sandbox and not state.sandbox.confined:
        yield _Item(1, (Span(UNCONFINED, "error"),))
    if state.rewards:
        unanchored = UNANCHORED in state.rewards
        said = UNANCHORED if unanchored else one_column(state.rewards)
        yield _Item(1 if unanchored else 9, (Span(said, "warning" if unanchored else "muted"),))
    if phase_name(snapshot.condition, state) and not snapshot.is_paused:
        yield _Item(8, _phase(snapshot, bar=bar))
    yield from _pace(snapshot)
    yield from _left(snapshot, max_minutes)
    ending = "" if snapshot.is_live else state.ending  # a run that is resumed keeps its last one until it has loaded
    if snapshot.fault or ending:
        whole = (snapshot.fault or ending).replace(str(snapshot.path), snapshot.path.name)
        room = columns - width(condition) - _MARGINS
        if not snapshot.fault:
            others = (_short_name(snapshot.path), f"step {state.step}/{state.steps}")
            room = max(_LEAST_ENDING, room - sum(len(each) + len(_GAP) for each in others))
        room = max(1, min(room, columns - width(condition) - _MARGINS))
        said = textwrap.shorten(one_column(whole), room, placeholder="…")
        yield _Item(1, (Span(said, "error" if snapshot.fault else "warning"),))


def _condition(snapshot: Snapshot) -> Row:
    """Return the pending change of state if there is one, else the condition."""
    coming = coming_word(snapshot)
    if coming:
        return (Span(f"◌ {coming}", "warning"),)
    return (condition_span(snapshot.condition, paused=snapshot.is_paused),)


def _phase(snapshot: Snapshot, *, bar: bool) -> Row:
    """Return the phase with a bar: of what is counted, or of the time that an update usually takes."""
    draw = _bar if bar else _no_bar
    state, live = snapshot.state, snapshot.live
    name = phase_name(snapshot.condition, state)
    spans = [Span(one_column(name), "accent")]
    phase = state.phase if state.phase is not None and state.phase.name == name else None
    update = update_progress(state, snapshot.waited)
    if update is not None:
        spent, usual = update
        said = (
            f"{clock(spent)} of about {clock(usual)}" if spent <= usual else f"{clock(spent)}, usually {clock(usual)}"
        )
        return (*spans, *draw(min(spent / usual, _ALMOST)), Span(f" {said}", "muted"))
    if phase is None:
        return tuple(spans)
    done, total = phase.done, phase.total
    if live is not None and live.phase == name and live.total:
        done, total = live.done, live.total
    if total:
        spans += [*draw((done or 0) / total), Span(f" {done or 0:,}/{total:,}", "muted")]
    return tuple(spans)


def _bar(share: float) -> tuple[Span, ...]:
    filled = round(_BAR_COLUMNS * min(1.0, share))
    return Span(" "), Span("━" * filled, "accent"), Span("─" * (_BAR_COLUMNS - filled), "muted")


def _no_bar(share: float) -> tuple[Span, ...]:
    return ()


def _left(snapshot: Snapshot, max_minutes: float) -> Iterator[_Item]:
    """Yield the time to the last step, and which step that will be where the time limit comes first.

    While an engine loads, the journal's pace is that of an earlier process; after the last step nothing is left.
    """
    state = snapshot.state
    left = seconds_left(state, max_minutes, snapshot.waited)
    if not snapshot.is_live or snapshot.is_starting_up or not left:
        return
    spans = [Span("left ", "muted"), Span(clock(left), "text")]
    last = last_step(state, max_minutes, snapshot.waited)
    if last is not None:
        spans.append(Span(f", to step ~{last}", "muted"))
    yield _Item(7, tuple(spans))


def _pace(snapshot: Snapshot) -> Iterator[_Item]:
    """Yield the rate and the time left of an evaluation; those of a step are in the second row, as of the last step."""
    progress = progress_of(snapshot.state.phase, snapshot.live, snapshot.waited)
    evaluates = phase_name(snapshot.condition, snapshot.state).startswith("evaluate")
    if evaluates and progress is not None and progress.pace and not snapshot.is_paused:
        yield _Item(9, (Span(progress.pace, "muted"),))


def _second_row(state: RunState, kl_bound: float) -> Iterator[_Item]:
    metrics = state.metrics
    yield from _metric(4, metrics, "tokens_per_second", "{:,.0f}")
    yield from _figure(6, "exec/s", executions_per_second(state), "{:,.0f}")
    yield from _metric(0, metrics, "code_accuracy", "{:.2f}")
    yield from _metric(1, metrics, "ut_accuracy", "{:.2f}")
    yield from _metric(0, metrics, "anchor_code_accuracy", "{:.2f}")
    yield from _metric(1, metrics, "anchor_ut_accuracy", "{:.2f}")
    yield from _metric(2, metrics, "presumed_accuracy", "{:.2f}")
    yield from _metric(2, metrics, "mu", "{:+.2f}", "bad" if (metrics.get("mu") or 0.0) < 0 else "text")
    yield from _metric(3, metrics, "kl", "{:.3f}", "text" if drift(state, kl_bound) is None else "bad")
    if groups := usable_groups(metrics):
        yield _Item(3, (Span("usable ", "muted"), Span(f"{groups[0]}/{groups[1]}", "text" if groups[0] else "bad")))
    for rank, name in ((7, "peak_memory_mb"), (8, "peak_gpu_memory_mb")):
        yield from _figure(rank, metric(name).short, _gigabytes(metrics.get(name)), "{:.1f} GB")
    if state.sandbox is not None:
        style = "text" if state.sandbox.confined else "error"
        yield _Item(5, (Span("sandbox ", "muted"), Span(state.sandbox.letter, style)))


def _metric(
    rank: int, metrics: Mapping[str, float | None], name: str, form: str, style: str = "text"
) -> Iterator[_Item]:
    return _figure(rank, metric(name).short, metrics.get(name), form, style)


def _figure(rank: int, label: str, value: float | None, form: str, style: str = "text") -> Iterator[_Item]:
    if value is not None:
        yield _Item(rank, (Span(f"{label} ", "muted"), Span(form.format(value), style)))


def _gigabytes(megabytes: float | None) -> float | None:
    return None if megabytes is None else megabytes / 1024


def _kept(items: Iterable[_Item], columns: int) -> list[_Item]:
    """Return the items for which there is room."""
    kept = list(items)
    for item in sorted(kept, key=lambda item: -item.rank):
        if sum(width(each.row) for each in kept) + len(_GAP) * (len(kept) - 1) < columns:  # one for the left margin
            break
        kept.remove(item)
    return kept


def _row(kept: Sequence[_Item]) -> Row:
    spans: list[Span] = [Span(" ")]
    for number, item in enumerate(kept):
        spans += [Span(_GAP), *item.row] if number else item.row
    return tuple(spans)


def _short_name(path: Path) -> str:
    name = run_name(path)
    return name if len(name) <= 40 else f"…{name[-39:]}"
