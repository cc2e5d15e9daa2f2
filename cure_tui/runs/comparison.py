"""Comparison of runs: settings that differ, accuracies on held-out tasks, curves in one chart."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cure_tui.charts import GlyphSet, line_chart
from cure_tui.drawing.smoothing import DEFAULT, smoothing_text
from cure_tui.drawing.spans import Row
from cure_tui.drawing.tables import text_table
from cure_tui.runs.curves import METRIC_CHARTS, XAxis, chart_options, overlaid
from cure_tui.runs.listing import LETTERS
from engine.config import RunConfig
from engine.errors import ConfigError
from engine.evaluation.summary import UNKNOWN, Estimate
from engine.evaluation.table import accuracy_title, change_text, estimate_text
from engine.runs.state import RunState

_CHARTS = {spec.metrics[0]: spec for spec in METRIC_CHARTS if not spec.evaluated}
PRINTED = tuple(_CHARTS[name] for name in ("code_accuracy", "ut_accuracy", "mu", "kl"))
NOTE = "held out: % ± standard error over tasks, changes in points"


@dataclass(frozen=True)
class ComparedRun:
    """One run of a comparison: its name, its settings (None: unreadable), the state from its journal."""

    name: str
    config: RunConfig | None
    state: RunState


@dataclass(frozen=True, slots=True)
class Reached:
    """One accuracy of one run at its start and end, and of the first run at its end, the reference of the others."""

    metric: str
    run: int
    start: Estimate
    end: Estimate
    first_end: Estimate

    @property
    def change(self) -> float | None:
        return self.end.minus(self.start)

    @property
    def against_first(self) -> float | None:
        return None if self.run == 0 else self.end.minus(self.first_end)


def check_choice(paths: Sequence[object]) -> None:
    """Raise ConfigError if the chosen runs are too few or too many, or one is chosen twice."""
    if len(set(paths)) < len(paths):
        raise ConfigError("a run cannot be compared with itself", "choose another run")
    if len(paths) < 2:
        raise ConfigError("a comparison needs two runs or more", "choose another run")
    if len(paths) > len(LETTERS):
        raise ConfigError(f"{len(paths)} runs are too many to tell apart", f"choose at most {len(LETTERS)}")


def config_differences(*configs: RunConfig | None) -> list[tuple[str, ...]]:
    """Return key and values of every setting that differs, in the order of the file; "?" for an unreadable file."""
    by_run = [None if config is None else dict(_flat(config.model_dump())) for config in configs]
    known = [values for values in by_run if values is not None]
    keys = dict.fromkeys(key for values in known for key in values)
    different = [key for key in keys if any(values.get(key) != known[0].get(key) for values in known)]
    return [(key, *("?" if values is None else _shown(values.get(key, "-")) for values in by_run)) for key in different]


def _shown(value: object) -> str:
    """Return a setting for a cell of the table: of a text of several lines, its length and a mark of its contents."""
    text = str(value)
    lines = text.count("\n")
    return f"{lines} lines, {zlib.crc32(text.encode()):08x}" if lines else text


def accuracies_reached(states: Sequence[RunState]) -> list[Reached]:
    """Return every accuracy of every run on held-out tasks, grouped by accuracy."""
    starts, ends = (
        [each.summary.accuracies if (each := state.evaluation("heldout", when)) else {} for state in states]
        for when in ("start", "end")
    )
    metrics = dict.fromkeys(name for figures in (*starts, *ends) for name in figures)
    known = {name for figures in (*starts, *ends) for name, each in figures.items() if each.mean is not None}
    return [
        Reached(metric, run, *(figures.get(metric, UNKNOWN) for figures in (starts[run], ends[run], ends[0])))
        for metric in metrics
        if metric in known
        for run in range(len(states))
    ]


def comparison_text(runs: Sequence[ComparedRun]) -> str:
    """Return settings that differ, then accuracies at start and end, as plain text."""
    names = [run.name for run in runs]
    different = config_differences(*(run.config for run in runs))
    settings = (
        text_table(["SETTING", *names], [list(row) for row in different]) if different else "the settings are the same"
    )
    rows = [["steps", run.name, "0", str(run.state.step), "", ""] for run in runs]
    for each in accuracies_reached([run.state for run in runs]):
        figures = [estimate_text(each.start), estimate_text(each.end), change_text(each.change)]
        rows.append([accuracy_title(each.metric), names[each.run], *figures, change_text(each.against_first)])
    table = text_table(["HELD OUT", "RUN", "START", "END", "CHANGE", "VS. FIRST RUN"], rows)
    return f"{settings}\n\n{table}\n{NOTE}"


def overlays(
    runs: Sequence[ComparedRun], columns: int, rows: int, glyphs: GlyphSet = GlyphSet.BRAILLE
) -> Iterator[Row]:
    """Draw a chart for each of a few metrics with all runs in it, smoothed over the raw points; legends are raw."""
    lines = [(run.name, run.state) for run in runs]
    for spec in PRINTED:
        options = chart_options(spec, smoothing=DEFAULT, marks=len(LETTERS), glyphs=glyphs)
        options = replace(options, title=f"{options.title}, {smoothing_text(DEFAULT)}")
        yield from line_chart(overlaid(lines, spec, XAxis.STEP), columns, rows, options)
        yield ()


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
