"""Tables of compared runs as rows of any width: the runs, their accuracies, and the settings that differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from cure_tui.charts.legend import marker_of
from cure_tui.charts.series import GlyphSet
from cure_tui.dashboard.condition import condition_span
from cure_tui.drawing.spans import Row, Span, one_column
from cure_tui.runs.comparison import NOTE, Reached
from cure_tui.runs.listing import LETTERS
from cure_tui.runs.step_line import clock
from cure_tui.runs.watcher import Snapshot
from engine.evaluation.table import accuracy_title, change_text, estimate_text
from engine.machine.home import run_name

_NAME_COLUMNS, _FIGURE_COLUMNS = 18, 12
_LEAST_VALUE_COLUMNS = 6


def run_rows(snapshots: Sequence[Snapshot], *, glyphs: GlyphSet = GlyphSet.BRAILLE) -> list[Row]:
    """Return one row per run: its sign in tables and charts, its name and its progress."""
    longest = max(len(run_name(each.path)) for each in snapshots)
    return [_run_row(number, each, longest, glyphs) for number, each in enumerate(snapshots)]


def _run_row(number: int, snapshot: Snapshot, name_columns: int, glyphs: GlyphSet) -> Row:
    state = snapshot.state
    name = one_column(run_name(snapshot.path)).ljust(name_columns)
    row = [
        Span(" "),
        _sign(number, glyphs),
        Span(f" {name}  ", "text"),
        condition_span(snapshot.condition, paused=snapshot.is_paused),
    ]
    if snapshot.fault:
        return (*row, Span(f"  {one_column(snapshot.fault)}", "error"))
    if snapshot.loading:
        return (*row, Span("  loading", "muted"))
    if not state.step:
        return (*row, Span("  no step finished yet", "muted"))
    return (*row, Span(f"  step {state.step}/{state.steps}  {clock(state.seconds)}", "muted"))


def accuracy_rows(reached: Sequence[Reached], *, glyphs: GlyphSet = GlyphSet.BRAILLE) -> list[Row]:
    """Return one row per accuracy and run: start, end, change, and difference of the end from the first run's."""
    if not reached:
        return [(Span(" no run has been evaluated on held-out tasks yet", "muted"),)]
    titles = ("start", "end", "change", f"against {LETTERS[0]}")
    heads = "".join(title.rjust(_FIGURE_COLUMNS) for title in titles)
    rows: list[Row] = [(Span(f" {'held out'.ljust(_NAME_COLUMNS + 4)}{heads}", "title"),)]
    for metric, runs in groupby(reached, key=lambda each: each.metric):
        for each in runs:
            title = accuracy_title(metric) if each.run == 0 else ""
            figures = [estimate_text(each.start), estimate_text(each.end)]
            rows.append(
                (
                    Span(f" {title.ljust(_NAME_COLUMNS)} ", "text"),
                    _sign(each.run, glyphs),
                    *(Span(figure.rjust(_FIGURE_COLUMNS), "text") for figure in figures),
                    _change(each.change),
                    _change(each.against_first) if each.run else Span(" " * _FIGURE_COLUMNS),
                )
            )
    return [*rows, (Span(f" {NOTE}", "muted"),)]


def settings_rows(
    different: Sequence[tuple[str, ...]], faults: Sequence[str], columns: int, *, glyphs: GlyphSet = GlyphSet.BRAILLE
) -> list[Row]:
    """Return one row per differing setting, each value beneath its run's sign; long values get a row each.

    faults: per run, why its settings cannot be read, "" if they can.
    """
    runs = len(faults)
    rows: list[Row] = [
        (Span(" "), _sign(number, glyphs), Span(f" {one_column(fault)}", "error"))
        for number, fault in enumerate(faults)
        if fault
    ]
    if not different:
        nothing = "the settings cannot be compared" if any(faults) else "the settings are the same"
        return [*rows, (Span(f" {nothing}", "muted"),)]
    keys = max(len("setting"), *(len(key) for key, *_ in different)) + 2
    room = max(_LEAST_VALUE_COLUMNS, (columns - keys - 1) // runs)
    short = [values for _, *values in different if all(len(value) < room - 1 for value in values)]
    wide = max((len(value) for values in short for value in values), default=0)
    room = min(room, max(_LEAST_VALUE_COLUMNS, wide + 2))
    signs: list[Span] = []
    for number in range(runs):
        sign = _sign(number, glyphs)
        signs += [sign, Span(" " * (room - len(sign.text)))]
    rows.append((Span(f" {'setting'.ljust(keys)}", "title"), *signs))
    for key, *values in different:
        rows.extend(_setting(key, [one_column(value) for value in values], keys, room, glyphs))
    return rows


def _setting(key: str, values: Sequence[str], keys: int, room: int, glyphs: GlyphSet) -> Iterator[Row]:
    if all(len(value) < room - 1 for value in values):
        yield (Span(f" {key.ljust(keys)}", "muted"), *(Span(value.ljust(room), "text") for value in values))
        return
    yield (Span(f" {key}", "muted"),)
    for number, value in enumerate(values):
        yield (Span("   "), _sign(number, glyphs), Span(f"  {value}", "text"))


def _sign(number: int, glyphs: GlyphSet) -> Span:
    """Return the run's chart marker and letter, which tell runs apart without colour."""
    marker = marker_of(number, glyphs)
    return Span(f"{marker} {LETTERS[number]}", f"series{number}")


def _change(change: float | None) -> Span:
    style = "muted" if not change else "good" if change > 0 else "bad"
    return Span(change_text(change).rjust(_FIGURE_COLUMNS), style)
