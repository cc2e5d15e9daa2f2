"""Plain-text table of two evaluations side by side, metric, start, end, change; and the texts of its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.evaluation.summary import UNKNOWN, Estimate, EvalSummary

MISSING = "-"


@dataclass(frozen=True)
class ComparedFigure:
    """Figure at start and end. scale: 100 for a share, shown in %, its change in points; 1 for one with a unit."""

    label: str
    start: Estimate
    end: Estimate
    scale: float = 100.0

    @property
    def is_known(self) -> bool:
        return self.start.mean is not None or self.end.mean is not None


def format_table(start: EvalSummary, end: EvalSummary) -> str:
    """Return a table of `start` against `end`, means ± standard errors over tasks, without a trailing newline.

    Shares are in %, their changes in points, lengths in tokens; "-" stands for an undefined figure. Plain ASCII except
    for ±. Rows that neither evaluation has (no validator, no cell lost) are left out.
    """
    lines = [["metric", "start", "end", "change"]]
    for row in compared_figures(start, end):
        if row.is_known:
            figures = [estimate_text(each, row.scale) for each in (row.start, row.end)]
            lines.append([row.label, *figures, change_text(row.end.minus(row.start), row.scale)])
    for label, name in (("mu", "mu"), ("reward precision", "precision"), ("bound of Theorem 3.1", "bound")):
        before, after = getattr(start.trust, name), getattr(end.trust, name)
        gain = MISSING if before is None or after is None else f"{after - before:+.3f}"
        lines.append([label, _plain(before), _plain(after), gain])
    notes = [
        f"tasks: {_both(str(start.n_tasks), str(end.n_tasks))}; shares in %, ± standard error over tasks",
        f"unit tests judged by: {_both(_bases(start), _bases(end))}",
    ]
    return "\n".join([*_aligned(lines), *notes])


def accuracy_title(name: str) -> str:
    """Return the title of a name of `EvalSummary.accuracies`: "BoN(4, 4)" for "bon 4x4"."""
    chosen_by, _, size = name.partition(" ")
    if size:
        return f"{'BoN' if chosen_by == 'bon' else chosen_by}({size.replace('x', ', ')})"
    return {"code": "code accuracy", "ut": "unit-test accuracy"}[name]


def estimate_text(estimate: Estimate, scale: float = 100.0) -> str:
    """Return mean ± standard error, in per cent unless `scale` is 1: "70.0 ± 1.2"; "-" if undefined."""
    if estimate.mean is None:
        return MISSING
    mean, error = estimate.mean, estimate.standard_error
    return f"{mean * scale:.1f}" if error is None else f"{mean * scale:.1f} ± {error * scale:.1f}"


def interval_text(estimate: Estimate, scale: float = 100.0) -> str:
    """Return mean and 95 % interval, in per cent unless `scale` is 1: "70.0 [67.6, 72.4]"; "-" if undefined."""
    if estimate.mean is None:
        return MISSING
    low, high = estimate.low, estimate.high
    interval = "" if low is None or high is None else f" [{low * scale:.1f}, {high * scale:.1f}]"
    return f"{estimate.mean * scale:.1f}{interval}"


def change_text(change: float | None, scale: float = 100.0) -> str:
    """Return a difference of two means, in points unless `scale` is 1: "+30.0"; "-" if undefined."""
    return MISSING if change is None else f"{change * scale:+.1f}"


def compared_figures(start: EvalSummary, end: EvalSummary) -> list[ComparedFigure]:
    """Return all figures of two evaluations in the order of the table."""
    before, after = start.accuracies, end.accuracies
    code, ut, *bon = (
        ComparedFigure(accuracy_title(name), before.get(name, UNKNOWN), after.get(name, UNKNOWN))
        for name in {**before, **after}
    )
    rows = [
        code,
        ut,
        *_validity_rows(start, end),
        *bon,
        ComparedFigure("any program correct", start.pass_at_n, end.pass_at_n),
        ComparedFigure("trivial tests", start.trivial_share, end.trivial_share),
        ComparedFigure("malformed tests", start.malformed_share, end.malformed_share),
        ComparedFigure("rejected programs", start.rejected_share, end.rejected_share),
        ComparedFigure("distinct inputs a task", start.distinct_inputs, end.distinct_inputs, scale=1),
        ComparedFigure("distinct programs a task", start.distinct_programs, end.distinct_programs, scale=1),
        ComparedFigure("coder length, tokens", start.coder_length, end.coder_length, scale=1),
        ComparedFigure("tester length, tokens", start.tester_length, end.tester_length, scale=1),
    ]
    if any(summary.recovered_share.mean for summary in (start, end)):
        rows.append(ComparedFigure("recovered answers", start.recovered_share, end.recovered_share))
    if any(summary.unknown_share.mean for summary in (start, end)):
        rows.append(ComparedFigure("cells without verdict", start.unknown_share, end.unknown_share))
    return rows


def _validity_rows(start: EvalSummary, end: EvalSummary) -> list[ComparedFigure]:
    """Return no rows without a validator: accuracy ignoring validity would repeat the row above it."""
    if start.valid_share.mean is None and end.valid_share.mean is None:
        return []
    return [
        ComparedFigure("  ignoring validity", start.ut_raw, end.ut_raw),
        ComparedFigure("  valid tests", start.valid_share, end.valid_share),
    ]


def _plain(value: float | None) -> str:
    return MISSING if value is None else f"{value:.3f}"


def _both(start: str, end: str) -> str:
    return start if start == end else f"{start} at the start, {end} at the end"


def _bases(summary: EvalSummary) -> str:
    return ", ".join(f"{basis.value} ({count})" for basis, count in sorted(summary.ut_bases.items()))


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]

    def text(line: Sequence[str]) -> str:
        figures = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        return "  ".join([line[0].ljust(widths[0]), *figures])

    rule = "-" * len(text(lines[0]))
    return [text(lines[0]), rule, *map(text, lines[1:]), rule]
