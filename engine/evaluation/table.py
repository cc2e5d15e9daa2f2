"""Plain-text table of two evaluations side by side: metric, start, end, change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.evaluation.summary import Estimate, EvalSummary

MISSING = "-"


@dataclass(frozen=True)
class _Row:
    label: str
    start: Estimate | None
    end: Estimate | None
    percent: bool = True  # a share: shown in %, its change in points; other figures keep their unit


def format_table(start: EvalSummary, end: EvalSummary) -> str:
    """Return a table of `start` against `end`, means ± standard errors over tasks, without a trailing newline.

    Shares are in %, their changes in points, lengths in tokens; "-" stands for an undefined figure. Plain ASCII except
    for ±. Rows that neither evaluation has (no validator, no cell lost) are left out.
    """
    lines = [["metric", "start", "end", "change"]]
    for row in _rows(start, end):
        if _mean(row.start) is not None or _mean(row.end) is not None:
            before, after = (_figure(estimate, row.percent) for estimate in (row.start, row.end))
            lines.append([row.label, before, after, _change(row)])
    for label, name in (("mu", "mu"), ("reward precision", "precision"), ("bound of Theorem 3.1", "bound")):
        before, after = getattr(start.trust, name), getattr(end.trust, name)
        gain = MISSING if before is None or after is None else f"{after - before:+.3f}"
        lines.append([label, _plain(before), _plain(after), gain])
    notes = [
        f"tasks: {_both(str(start.n_tasks), str(end.n_tasks))}; shares in %, ± standard error over tasks",
        f"unit tests judged by: {_both(_bases(start), _bases(end))}",
    ]
    return "\n".join([*_aligned(lines), *notes])


def _rows(start: EvalSummary, end: EvalSummary) -> list[_Row]:
    sizes = list(dict.fromkeys([*start.bon, *end.bon]))
    rows = [
        _Row("code accuracy", start.code, end.code),
        _Row("unit-test accuracy", start.ut, end.ut),
        *_validity_rows(start, end),
        *(_Row(f"BoN({size.replace('x', ', ')})", start.bon.get(size), end.bon.get(size)) for size in sizes),
        _Row("any program correct", start.pass_at_n, end.pass_at_n),
        _Row("trivial tests", start.trivial_share, end.trivial_share),
        _Row("malformed tests", start.malformed_share, end.malformed_share),
        _Row("rejected programs", start.rejected_share, end.rejected_share),
        _Row("distinct inputs a task", start.distinct_inputs, end.distinct_inputs, percent=False),
        _Row("distinct programs a task", start.distinct_programs, end.distinct_programs, percent=False),
        _Row("coder length, tokens", start.coder_length, end.coder_length, percent=False),
        _Row("tester length, tokens", start.tester_length, end.tester_length, percent=False),
    ]
    if any(_mean(summary.unknown_share) for summary in (start, end)):
        rows.append(_Row("cells without verdict", start.unknown_share, end.unknown_share))
    return rows


def _validity_rows(start: EvalSummary, end: EvalSummary) -> list[_Row]:
    """Return no rows without a validator: accuracy ignoring validity would repeat the row above it."""
    if _mean(start.valid_share) is None and _mean(end.valid_share) is None:
        return []
    return [
        _Row("  ignoring validity", start.ut_raw, end.ut_raw),
        _Row("  valid tests", start.valid_share, end.valid_share),
    ]


def _mean(estimate: Estimate | None) -> float | None:
    return None if estimate is None else estimate.mean


def _figure(estimate: Estimate | None, percent: bool) -> str:
    if estimate is None or estimate.mean is None:
        return MISSING
    scale = 100 if percent else 1
    figure = f"{estimate.mean * scale:.1f}"
    return figure if estimate.standard_error is None else f"{figure} ± {estimate.standard_error * scale:.1f}"


def _change(row: _Row) -> str:
    before, after = _mean(row.start), _mean(row.end)
    if before is None or after is None:
        return MISSING
    return f"{(after - before) * (100 if row.percent else 1):+.1f}"


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
