"""Sheets of a coder, a tester, and other ways to the same tasks: accuracies paired by task, dollars, seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cure_tui.runs.evaluations.accuracy import sizes_asked
from cure_tui.runs.evaluations.sheet import Column, Sheet
from engine.evaluation.comparison import size_order, values_of
from engine.evaluation.paired import difference
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, TESTER, Report, RoleCost, TaskRow
from engine.evaluation.summary import UNKNOWN, Estimate
from engine.evaluation.table import MISSING, accuracy_title, change_text, estimate_text

NO_PRICE = "no price known"


@dataclass(frozen=True, slots=True)
class Way:
    """Way of solving a task: rows, and the figure in them that judges it.

    shares: part of each role's answers that it takes. rival: rows of the same size judged by the baseline's tests.
    """

    title: str
    accuracy: Estimate
    rows: Sequence[TaskRow]
    figure: str
    shares: Mapping[str, float]
    rival: Sequence[TaskRow] = ()


def cost_sheets(reports: Sequence[Report]) -> Iterator[Sheet]:
    """Lay out roles and ways of each report that knows the cost of its roles, and what it was asked and told."""
    for report in reports:
        if report.roles:
            yield roles_sheet(report)
            yield ways_sheet(report)


def roles_sheet(report: Report) -> Sheet:
    """Lay out what the answers of each role cost."""
    columns = [Column("role"), Column("model", 1), Column("answers"), Column("prompt tokens", 2), Column("tokens")]
    columns += [Column("dollars"), Column("dollars a problem"), Column("local s", 3)]
    tasks = max(1, len(report.rows))
    rows: list[tuple[str, ...]] = []
    notes: list[str] = []
    for role in report.roles:
        dollars = [MISSING if role.local else NO_PRICE] * 2
        if role.dollars is not None and not role.local:
            dollars = [f"{role.dollars:.4f}", _dollars(role.dollars / tasks)]
        counts = [f"{each:,}" for each in (role.answers, role.prompt_tokens, role.tokens)]
        rows.append((role.role, role.model, *counts, *dollars, f"{role.seconds:,.0f}" if role.local else MISSING))
        notes += _told(role)
    if any(role.local for role in report.roles):
        notes.append("a local model costs seconds of this machine instead of dollars: not nothing")
    return Sheet(f"Roles of {report.name}", tuple(columns), tuple(rows), tuple(dict.fromkeys(notes)))


def ways_sheet(report: Report) -> Sheet:
    """Lay out one program, best of n with each tester, and the one-shot model: accuracy, differences, dollars."""
    columns = [Column("way"), Column("accuracy"), Column("vs. single"), Column("vs. baseline", 1)]
    columns += [Column("$ a problem"), Column("$ a solved one"), Column("local s a problem", 2)]
    rows = []
    one, *others = ways(report)
    for way in (one, *others):
        against = MISSING if way is one else _paired(one.rows, "code", way)
        rival = _paired(way.rival, way.figure, way) if way.rival else MISSING
        dollars, seconds = _spent(way, report)
        solved = dollars / way.accuracy.mean if dollars and way.accuracy.mean else None
        money = [NO_PRICE if dollars is None else _dollars(dollars), MISSING if solved is None else _dollars(solved)]
        local = f"{seconds:.2f}" if seconds else MISSING
        rows.append((way.title, estimate_text(way.accuracy), against, rival, *money, local))
    notes = ["differences in points, paired by task, ± standard error; a smaller size pays its share of the answers"]
    if baseline := next((arm for arm in report.arms if arm.name == BASELINE), None):
        notes.append(f"baseline, own tests: the same programs, with {baseline.who.tester} as tester")
    notes += [f"{count} tasks left out: {reason}" for reason, count in report.excluded.items()]
    return Sheet(f"Ways of {report.name}", tuple(columns), tuple(rows), (*notes, settings_text(report)))


def ways(report: Report) -> Iterator[Way]:
    """Yield the ways that the report has: one program, each size with each tester, the one-shot model."""
    arms = {arm.name: arm for arm in report.arms}
    baseline, one_shot = arms.get(BASELINE), arms.get(ONE_SHOT)
    n, m = report.settings.n, report.settings.m
    code = report.totals.figures.get("code", UNKNOWN)
    yield Way("single program", code, report.rows, "code", {CODER: 1 / n})
    for size in sizes_asked([report]):
        title, figure, (of_n, of_m) = accuracy_title(f"bon {size}"), f"bon {size}", size_order(size)
        shares, found = {CODER: of_n / n, TESTER: of_m / m}, report.totals.bon.get(size, UNKNOWN)
        yield Way(f"{title}, tester", found, report.rows, figure, shares, baseline.rows if baseline else ())
        if baseline:
            own = "own tests" if baseline.who.tester == report.who.coder else "baseline"
            shares, found = {CODER: of_n / n, BASELINE: of_m / m}, baseline.totals.bon.get(size, UNKNOWN)
            yield Way(f"{title}, {own}", found, baseline.rows, figure, shares)
    if one_shot:
        shares = {ONE_SHOT: 1 / max(1, max((row.programs for row in one_shot.rows), default=1))}
        found = one_shot.totals.figures.get("code", UNKNOWN)
        yield Way(f"one-shot {one_shot.who.coder}", found, one_shot.rows, "code", shares)


def settings_text(report: Report) -> str:
    """Return the settings of a report in one sentence."""
    asked, around = report.settings, report.surroundings
    temperature = "the models' own" if asked.temperature is None else f"{asked.temperature:g}"
    return (
        f"{report.name}: n = {asked.n}, m = {asked.m}, temperature {temperature}, at most {asked.max_tokens_coder} and "
        f"{asked.max_tokens_tester} tokens, seed {asked.seed}, {asked.truth_tests} ground-truth tests, "
        f"sandbox {around.sandbox}, Python {around.python}, cure-tui {around.version}, {around.started}"
    )


def _paired(rows: Sequence[TaskRow], figure: str, way: Way) -> str:
    """Return the difference to another way over the tasks that both have."""
    values = dict(zip([row.task for row in rows], values_of(rows, figure), strict=True))
    common = [row for row in way.rows if row.task in values]
    found = difference([values[row.task] for row in common], values_of(common, way.figure)) if common else None
    if found is None or found.estimate.mean is None:
        return MISSING
    error = found.estimate.standard_error
    change = change_text(found.estimate.mean)
    return change if error is None else f"{change} ± {error * 100:.1f}"


def _spent(way: Way, report: Report) -> tuple[float | None, float]:
    """Return dollars a problem, None if a price is not known, and local seconds a problem."""
    roles = {role.role: role for role in report.roles}
    tasks = max(1, len(report.rows))
    dollars: float | None = 0.0
    seconds = 0.0
    for name, share in way.shares.items():
        role = roles.get(name, RoleCost(name, ""))
        if role.local:
            seconds += role.seconds * share / tasks
        elif role.dollars is None or dollars is None:
            dollars = None
        else:
            dollars += role.dollars * share / tasks
    return dollars, seconds


def _dollars(amount: float) -> str:
    return f"{amount:.2f}" if amount >= 1 else f"{amount:.5f}"


def _told(role: RoleCost) -> Iterator[str]:
    if role.price:
        yield f"{role.role}: {role.price}"
    if role.served and role.served != role.model:
        yield f"{role.role}: the server names its model {role.served}"
    if role.honours_seeds is not None:
        yield f"{role.role}: the server {'honours' if role.honours_seeds else 'does not honour'} seeds"
