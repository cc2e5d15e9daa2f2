"""Comparison of two reports, task by task: what changed, which tasks flipped, and what such a run can show at all.

compare    two reports over the same tasks
adjusted   several comparisons, one a set, with p values of Holm
values_of  one figure of chosen tasks of a report
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from engine.errors import ConfigError
from engine.evaluation.paired import Difference, difference, holm
from engine.evaluation.passk import sizes_of_k
from engine.evaluation.report import Report, TaskRow
from engine.evaluation.totals import pass_at

SOLVED = 0.5
"""Share of right choices from which on a task counts as solved: a size smaller than n x m chooses several times."""


@dataclass(frozen=True, slots=True)
class Change:
    """One task in both evaluations: code accuracy, and whether it counts as solved."""

    task: str
    code_a: float
    code_b: float
    solved_a: bool
    solved_b: bool

    @property
    def code(self) -> float:
        return self.code_b - self.code_a


@dataclass(frozen=True, slots=True)
class Comparison:
    """Report b against report a over the tasks that both have.

    figures: by "code", "ut", "bon 4x4", "pass@8". holm: adjusted p values by the same names. settings: those that
    differ, with both values. left_out: tasks that only one of them has. solved_by: figure by which a task is solved.
    gained, lost: tasks that only b, only a solved, the largest change of code accuracy first. changes: all tasks, from
    the best to the worst change of code accuracy.
    """

    a: str
    b: str
    data: str
    tasks: int
    left_out: int
    settings: Mapping[str, tuple[str, str]]
    figures: Mapping[str, Difference]
    holm: Mapping[str, float]
    solved_by: str
    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()

    @property
    def gained(self) -> list[Change]:
        return [change for change in self.changes if change.solved_b and not change.solved_a]

    @property
    def lost(self) -> list[Change]:
        return [change for change in reversed(self.changes) if change.solved_a and not change.solved_b]

    def to_json(self) -> dict[str, Any]:
        record = asdict(self)
        record["gained"], record["lost"] = ([change.task for change in side] for side in (self.gained, self.lost))
        return record


def compare(a: Report, b: Report, *, by_id: bool = False, seed: int = 0) -> Comparison:
    """Compare two reports over the tasks that both have finished.

    by_id: also if statements, tests or the choice of tasks differ. Raises ConfigError: other tasks, none in common.
    """
    if a.data.digest != b.data.digest and not by_id:
        raise ConfigError(
            f"{a.name} ({a.data.tasks} tasks of {a.data.name}) and {b.name} ({b.data.tasks} of {b.data.name}) are not "
            "over the same tasks",
            "evaluate both with the same --data, --limit, --after and --seed, or pair equal ids with --by-id",
        )
    pairs = _pairs(a.rows, b.rows)
    if not pairs:
        raise ConfigError(f"{a.name} and {b.name} have no task in common", "evaluate both on the same tasks")
    rows_a, rows_b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    clusters = [row.cluster for row in rows_a]
    figures = {}
    for name in _common_figures(a, b):
        found = difference(values_of(rows_a, name), values_of(rows_b, name), clusters=clusters, seed=seed)
        if found is not None:
            figures[name] = found
    solved_by = next((name for name in reversed(figures) if name.startswith("bon ")), "code")
    solved_a, solved_b = values_of(rows_a, solved_by), values_of(rows_b, solved_by)
    codes = zip(values_of(rows_a, "code"), values_of(rows_b, "code"), strict=True)
    changes = [
        Change(row.task, code_a, code_b, one >= SOLVED, other >= SOLVED)
        for row, (code_a, code_b), one, other in zip(rows_a, codes, solved_a, solved_b, strict=True)
        if not any(map(math.isnan, (code_a, code_b, one, other)))
    ]
    return Comparison(
        a=a.name,
        b=b.name,
        data=a.data.name,
        tasks=len(pairs),
        left_out=len(a.rows) + len(b.rows) - 2 * len(pairs),
        settings=_settings(a, b),
        figures=figures,
        holm={name: figure.p for name, figure in figures.items()},
        solved_by=solved_by,
        changes=tuple(sorted(changes, key=lambda change: (-change.code, change.task))),
        notes=_notes(a, b, rows_a, rows_b),
    )


def adjusted(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Adjust the p values of each figure by Holm over the comparisons that have it, one comparison a set."""
    found: list[dict[str, float]] = [{} for _ in comparisons]
    for name in {name: None for each in comparisons for name in each.figures}:
        places = [place for place, each in enumerate(comparisons) if name in each.figures]
        p_values = holm([comparisons[place].figures[name].p for place in places])
        for place, p in zip(places, p_values, strict=True):
            found[place][name] = p
    return [replace(each, holm=p_values) for each, p_values in zip(comparisons, found, strict=True)]


def values_of(rows: Iterable[TaskRow], name: str) -> list[float]:
    """Return one figure of each row: of its figures, "bon 4x4", "consensus 4x4" or "pass@4"; nan where undefined."""
    found = []
    for row in rows:
        chosen_by, _, size = name.partition(" ")
        if size:
            value = (row.bon if chosen_by == "bon" else row.consensus).get(size)
        elif name.startswith("pass@"):
            value = pass_at(row).get(name.removeprefix("pass@"))
        else:
            value = row.figures.get(name)
        found.append(math.nan if value is None else value)
    return found


def size_order(size: str) -> tuple[int, ...]:
    """Return a key that sorts sizes of best of n, "4x4" before "16x16"."""
    return tuple(int(part) if part.isdecimal() else 0 for part in size.split("x"))


def _pairs(a: Sequence[TaskRow], b: Sequence[TaskRow]) -> list[tuple[TaskRow, TaskRow]]:
    by_id = {row.task: row for row in b}
    return [(row, by_id[row.task]) for row in a if row.task in by_id]


def _common_figures(a: Report, b: Report) -> list[str]:
    """Return the figures that mean the same in both: sizes of best of n that both have, pass@k of the smaller n."""
    sizes = sorted({*a.settings.bon} & {*b.settings.bon}, key=size_order)
    of_k = {*sizes_of_k(a.settings.n)} & {*sizes_of_k(b.settings.n)}
    chosen = [f"{by} {size}" for by in ("bon", "consensus") for size in sizes]
    return ["code", "ut", *chosen, *(f"pass@{k}" for k in sorted(of_k)[-1:] if k > 1)]


def _settings(a: Report, b: Report) -> dict[str, tuple[str, str]]:
    """Return what differs but the models: settings, and surroundings that can change a score."""
    flat = [
        {
            **asdict(each.settings),
            "sandbox": each.surroundings.sandbox,
            "python": each.surroundings.python,
            "cure-tui": each.surroundings.version,
            "libraries": each.surroundings.libraries,
        }
        for each in (a, b)
    ]
    return {key: (str(flat[0][key]), str(flat[1][key])) for key in flat[0] if flat[0][key] != flat[1][key]}


def _notes(a: Report, b: Report, rows_a: Sequence[TaskRow], rows_b: Sequence[TaskRow]) -> tuple[str, ...]:
    notes = []
    differ = sum(one.ut_basis is not other.ut_basis for one, other in zip(rows_a, rows_b, strict=True))
    if differ:
        notes.append(f"tasks whose unit tests are judged on different bases, so that UT is not comparable: {differ}")
    if a.data.digest != b.data.digest:
        notes.append("paired by id alone: statements, tests or the choice of tasks differ")
    notes += [
        f"{each.name} is unfinished: {len(each.rows)} of {each.data.tasks} tasks"
        for each in (a, b)
        if not each.complete
    ]
    return tuple(notes)
