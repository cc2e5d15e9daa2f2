"""Sheets of accuracies: evaluations by set, beside published rows; all figures with intervals; curves of best of n."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cure_tui.runs.evaluations.sheet import Column, Sheet
from cure_tui.runs.step_line import clock
from engine.evaluation import paper
from engine.evaluation.comparison import size_order
from engine.evaluation.passk import gap_closed
from engine.evaluation.report import Report, Totals
from engine.evaluation.summary import UNKNOWN, Estimate
from engine.evaluation.table import MISSING, accuracy_title, estimate_text
from engine.evaluation.totals import totals

_IN_PRETRAINING = ("mbpp", "humaneval")
_FIGURES = {
    "code": "code accuracy",
    "ut": "unit-test accuracy",
    "ut_raw": "  ignoring validity",
    "valid_share": "  valid tests",
    "rejected_share": "answers without program",
    "malformed_share": "answers without test",
    "coder_truncated": "coder's answers cut off",
    "tester_truncated": "tester's answers cut off",
    "timeout_share": "programs out of time",
    "unknown_share": "cells without verdict",
    "recovered_share": "recovered answers",
    "trivial_share": "trivial tests",
}
_LENGTHS = {"coder_length": "coder's length, tokens", "tester_length": "tester's length, tokens"}
_TRUST = {"p_u": "p(test right)", "p_01": "p01", "p_00": "p00", "mu": "mu"}


def by_set(reports: Sequence[Report]) -> dict[str, list[Report]]:
    """Group reports by the name of their set, in the order given."""
    groups: dict[str, list[Report]] = {}
    for report in reports:
        groups.setdefault(report.data.name, []).append(report)
    return groups


def sizes_asked(reports: Sequence[Report]) -> list[str]:
    """Return all sizes of best of n that the reports were asked for, from small to large."""
    return sorted({size for report in reports for size in report.settings.bon}, key=size_order)


def accuracy_sheet(reports: Sequence[Report], *, published: bool = False, cutoff: str = "") -> Sheet:
    """Lay out the accuracies of reports of one set, and with `published` CURE's rows of that set below them.

    cutoff: ISO date of a model's last training data: two more rows of a report, of tasks before and after it.
    """
    name = paper.published_name(reports[0].data.name) if published else ""
    sizes = sizes_asked(reports)
    if name and paper.BON not in sizes:
        sizes.append(paper.BON)
    columns = [Column("evaluation"), Column("protocol", 1), Column("code"), Column("UT")]
    columns += [Column(accuracy_title(f"bon {size}"), 0 if size == sizes[-1] else 2) for size in sizes]
    columns += [Column(accuracy_title(f"consensus {size}"), 6) for size in sizes[-1:]]
    columns += [Column("any correct", 4), Column("gap closed", 5), Column("tasks", 3)]
    rows: list[tuple[str, ...]] = []
    for report in reports:
        rows.append(_honest(report.name, report.totals, len(report.rows), sizes))
        if report.totals.published:
            shares = {key: _percent(value) for key, value in report.totals.published.items()}
            figures = (shares.get(key, MISSING) for key in ("code", "ut", *(f"bon {size}" for size in sizes)))
            rows.append((report.name, "cure", *figures, *[MISSING] * 3, str(len(report.rows))))
        rows += [_honest(f"  {arm.name}", arm.totals, len(arm.rows), sizes) for arm in report.arms]
        rows += _dated(report, cutoff, sizes) if cutoff else []
    for row in paper.published_rows(name) if name else ():
        bon = (_percent(row.bon) if size == paper.BON else MISSING for size in sizes)
        rows.append((row.model, "published", _percent(row.code), _percent(row.ut), *bon, *[MISSING] * 4))
    return Sheet(_title(reports), tuple(columns), tuple(rows), tuple(_notes(reports, published, name, cutoff)))


def figures_sheet(reports: Sequence[Report]) -> Sheet:
    """Lay out every figure of the reports with its 95 % interval, a column a report."""
    rows: list[tuple[str, ...]] = []

    def add(title: str, cells: Sequence[str]) -> None:
        if any(cell != MISSING for cell in cells):
            rows.append((title, *cells))

    def estimates(title: str, of: Callable[[Totals], Estimate], text: Callable[[Estimate], str]) -> None:
        add(title, [text(of(report.totals)) for report in reports])

    for name, title in _FIGURES.items():
        estimates(title, lambda each, name=name: each.figures.get(name, UNKNOWN), interval_text)  # type: ignore[misc]
    for size in sizes_asked(reports):
        title = accuracy_title(f"bon {size}")
        estimates(title, lambda each, size=size: each.bon.get(size, UNKNOWN), interval_text)  # type: ignore[misc]
    for size in sizes_asked(reports):
        title = accuracy_title(f"consensus {size}")
        estimates(title, lambda each, size=size: each.consensus.get(size, UNKNOWN), interval_text)  # type: ignore[misc]
    for k in sorted({int(k) for report in reports for k in report.totals.pass_at}):
        estimates(f"pass@{k}", lambda each, k=k: each.pass_at.get(str(k), UNKNOWN), interval_text)  # type: ignore[misc]
    for name, title in _LENGTHS.items():
        estimates(title, lambda each, name=name: each.figures.get(name, UNKNOWN), _length)  # type: ignore[misc]
    for name, title in _TRUST.items():
        values = [getattr(report.totals.trust, name) for report in reports]
        add(title, [MISSING if value is None else f"{value:.3f}" for value in values])
    add("references that pass", [_references(report) for report in reports])
    add("answers", [f"{report.spent.answers:,}" for report in reports])
    add("tokens of prompts", [f"{report.spent.prompt_tokens:,}" for report in reports])
    add("tokens of answers", [f"{report.spent.tokens:,}" for report in reports])
    add("time", [clock(report.spent.seconds) for report in reports])
    add("dollars", [f"{report.spent.dollars:.4f}" if report.spent.dollars else MISSING for report in reports])
    columns = (Column("figure"), *(Column(report.name) for report in reports))
    note = "shares in %: mean over tasks [95 % interval]; bootstrap over tasks (BCa, 10,000), Wilson where 0 or 1"
    return Sheet("All figures", columns, tuple(rows), (note,))


def curve_sheets(reports: Sequence[Report]) -> Iterator[Sheet]:
    """Lay out best of n over n programs (rows) and m tests (columns), a sheet a report."""
    for report in reports:
        grid = {size_order(size): each for size, each in report.totals.bon.items()}
        programs, tests = (sorted({size[side] for size in grid}) for side in (0, 1))
        if not grid:
            continue
        rows = [
            (f"n = {n}", *(estimate_text(grid.get((n, m), UNKNOWN)).partition(" ")[0] for m in tests)) for n in programs
        ]
        columns = (Column("BoN(n, m), %"), *(Column(f"m = {m}") for m in tests))
        yield Sheet(f"Curves of {report.name} on {report.data.name}", columns, tuple(rows))


def interval_text(estimate: Estimate) -> str:
    """Return mean and interval of a share in per cent: "53.1 [49.0, 57.2]"; "-" if undefined."""
    mean, low, high = estimate.mean, estimate.low, estimate.high
    if mean is None or low is None or high is None:
        return MISSING if mean is None else f"{mean * 100:.1f}"
    return f"{mean * 100:.1f} [{low * 100:.1f}, {high * 100:.1f}]"


def _honest(name: str, found: Totals, n_tasks: int, sizes: Sequence[str]) -> tuple[str, ...]:
    code, ut = (found.figures.get(key, UNKNOWN) for key in ("code", "ut"))
    bon = [found.bon.get(size, UNKNOWN) for size in sizes]
    consensus = [found.consensus.get(size, UNKNOWN) for size in sizes[-1:]]
    ceiling = found.pass_at[max(found.pass_at, key=int)] if found.pass_at else UNKNOWN
    figures = map(estimate_text, (code, ut, *bon, *consensus, ceiling))
    return (name, "honest", *figures, _gap(found, bon, code), str(n_tasks))


def _gap(found: Totals, bon: Sequence[Estimate], code: Estimate) -> str:
    """Return the share of the way from the mean program to pass@n that the largest best of n goes."""
    largest = max(found.bon, key=size_order, default="")
    ceiling = found.pass_at.get(largest.partition("x")[0], UNKNOWN).mean
    best = bon[-1].mean if bon else None
    if best is None or code.mean is None or ceiling is None:
        return MISSING
    closed = gap_closed(best, code.mean, ceiling)
    return MISSING if closed is None else f"{closed:.0%}"


def _dated(report: Report, cutoff: str, sizes: Sequence[str]) -> Iterator[tuple[str, ...]]:
    dated = [row for row in report.rows if row.released]
    for words, rows in (
        (f"until {cutoff}", [row for row in dated if row.released <= cutoff]),
        (f"after {cutoff}", [row for row in dated if row.released > cutoff]),
    ):
        if rows:
            yield _honest(f"  {words}", totals(rows, report.settings.seed), len(rows), sizes)


def _title(reports: Sequence[Report]) -> str:
    data = reports[0].data
    title = paper.TITLES.get(data.name.split("/")[0], data.name)
    counts = sorted({len(report.rows) for report in reports})
    shapes = dict.fromkeys(f"n = {each.settings.n}, m = {each.settings.m}" for each in reports)
    return f"{title}: {' or '.join(map(str, counts))} tasks, {'; '.join(shapes)}"


def _notes(reports: Sequence[Report], published: bool, name: str, cutoff: str) -> Iterator[str]:
    yield "% ± standard error over tasks (by contest where there are 10 or more); gap closed: from code to pass@n"
    yield paper.HONEST
    if name or any(report.totals.published for report in reports):
        yield paper.PROTOCOL
    set_name = reports[0].data.name
    if name:
        yield f"published: {paper.SOURCE}, protocol cure, n = m = 16, one choice a task"
        if not paper.is_published_cut(set_name):
            yield f"{set_name} is not the cut of {paper.TITLES[name]} that CURE evaluates on: not the same tasks"
        elif any(report.data.limit or report.data.after for report in reports):
            yield "published figures are of the whole set, not of this choice of tasks"
    elif published:
        yield f"{paper.SOURCE} has no row for {set_name}; it has {', '.join(paper.TITLES.values())}"
    if published and any(report.arms for report in reports):
        yield paper.MIXED
    if len({report.data.digest for report in reports}) > 1:
        yield "these evaluations are not over the same tasks"
    if set_name.split("/")[0].partition("-")[0] in _IN_PRETRAINING:
        yield "tasks of this set are in the pretraining data of most models"
    for report in reports:
        undated = sum(not row.released for row in report.rows)
        if cutoff and undated:
            yield f"{report.name}: {undated} tasks without a date are in neither row"
        bases = ", ".join(f"{basis} ({count})" for basis, count in sorted(report.totals.ut_bases.items()))
        yield f"{report.name}: unit tests judged by {bases or 'nothing'}"
        if not report.complete:
            yield f"{report.name} is unfinished: {len(report.rows)} of {report.data.tasks} tasks"
        yield from (f"{report.name}: {warning}" for warning in report.warnings)


def _references(report: Report) -> str:
    found = sum(row.references for row in report.rows)
    return f"{sum(row.references_passed for row in report.rows)} of {found}" if found else MISSING


def _length(estimate: Estimate) -> str:
    return MISSING if estimate.mean is None else f"{estimate.mean:,.0f}"


def _percent(share: float | None) -> str:
    return MISSING if share is None else f"{share * 100:.1f}"
