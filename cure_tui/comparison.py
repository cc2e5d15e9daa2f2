"""Two runs side by side: where their settings differ, what each reached on held-out tasks, their curves together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cure_tui.charts import ChartOptions, GlyphSet, Series, line_chart
from cure_tui.spans import Row
from cure_tui.text_table import text_table
from engine.config import RunConfig
from engine.evaluation import EvalSummary
from engine.runs.state import RunState

METRICS = (
    ("code_accuracy", "code accuracy of the rollouts"),
    ("ut_accuracy", "unit-test accuracy of the rollouts"),
    ("mu", "mu"),
    ("kl", "KL"),
)
SMOOTHING = 0.9


@dataclass(frozen=True)
class ComparedRun:
    """One of the two: what it is called, its settings, what its journal says."""

    name: str
    config: RunConfig
    state: RunState

    def heldout(self, when: str) -> EvalSummary | None:
        evaluation = self.state.evaluation("heldout", when)
        return EvalSummary.from_json(evaluation.summary) if evaluation else None


def config_differences(a: RunConfig, b: RunConfig) -> list[tuple[str, str, str]]:
    """Key and both values of every setting that differs, in the order of the file."""
    ours, theirs = dict(_flat(a.model_dump())), dict(_flat(b.model_dump()))
    keys = [*ours, *(key for key in theirs if key not in ours)]
    return [
        (key, str(ours.get(key, "-")), str(theirs.get(key, "-"))) for key in keys if ours.get(key) != theirs.get(key)
    ]


def comparison_text(a: ComparedRun, b: ComparedRun) -> str:
    """Settings that differ, then accuracies at both ends."""
    different = config_differences(a.config, b.config)
    settings = (
        text_table(["SETTING", a.name, b.name], [list(row) for row in different])
        if different
        else "the settings are the same"
    )
    return f"{settings}\n\n{text_table(['HELD OUT', a.name, b.name], list(_accuracies(a, b)))}"


def overlays(a: ComparedRun, b: ComparedRun, columns: int, rows: int, *, ascii_only: bool = False) -> Iterator[Row]:
    """A chart a metric with both runs in it, smoothed over the raw points."""
    for metric, title in METRICS:
        series = [
            Series(run.name, run.state.axis("step"), run.state.column(metric), f"series{number}")
            for number, run in enumerate((a, b))
        ]
        glyphs = GlyphSet.ASCII if ascii_only else GlyphSet.BRAILLE
        options = ChartOptions(title=title, x_label="step", smoothing=SMOOTHING, glyphs=glyphs)
        yield from line_chart(series, columns, rows, options)
        yield ()


def _accuracies(a: ComparedRun, b: ComparedRun) -> Iterator[list[str]]:
    yield ["steps", str(a.state.step), str(b.state.step)]
    for when in ("start", "end"):
        summaries = [run.heldout(when) for run in (a, b)]
        yield [f"code, {when}", *(_share(s.code.mean if s else None) for s in summaries)]
        yield [f"unit tests, {when}", *(_share(s.ut.mean if s else None) for s in summaries)]
        for size in _sizes(summaries):
            means = [s.bon[size].mean if s and size in s.bon else None for s in summaries]
            yield [f"BoN {size}, {when}", *map(_share, means)]


def _sizes(summaries: list[EvalSummary | None]) -> list[str]:
    return list(dict.fromkeys(size for summary in summaries if summary for size in summary.bon))


def _share(mean: float | None) -> str:
    return "-" if mean is None else f"{100 * mean:.1f}%"


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
