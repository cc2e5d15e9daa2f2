"""Sheets of two evaluations paired by task: differences, tasks that flipped, tasks that changed most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cure_tui.runs.evaluations.sheet import Column, Sheet
from engine.errors import ConfigError
from engine.evaluation.comparison import Change, Comparison, adjusted, compare
from engine.evaluation.paired import Difference
from engine.evaluation.report import Report
from engine.evaluation.table import MISSING, accuracy_title


def comparisons(reports: Sequence[Report], *, by_id: bool = False) -> list[Comparison]:
    """Compare reports by set, two a set, the first given against the second; p values are adjusted over the sets.

    Raises ConfigError: a set with one report or with three, two reports over other tasks.
    """
    groups: dict[str, list[Report]] = {}
    for report in reports:
        groups.setdefault("" if len(reports) == 2 else report.data.name, []).append(report)
    for name, group in groups.items():
        if len(group) != 2:
            raise ConfigError(
                f"a comparison takes two evaluations of each set, not {len(group)} of {name}",
                "name one before and one after for each set",
            )
    return adjusted([compare(first, second, by_id=by_id) for first, second in groups.values()])


def comparison_sheets(found: Sequence[Comparison], most: int) -> Iterator[Sheet]:
    """Lay out the differences of each comparison, then at most `most` tasks that flipped or changed, each way."""
    for each in found:
        yield differences_sheet(each, sets=len(found))
        yield _flipped_sheet(each, most)
        yield _changed_sheet(each, most)


def differences_sheet(found: Comparison, sets: int = 1) -> Sheet:
    """Lay out every figure: both means, difference, interval, p, smallest difference that this run can show."""
    columns = [Column("figure"), Column("A"), Column("B"), Column("B - A"), Column("95 % interval")]
    columns += [Column("p (Holm)" if sets > 1 else "p"), Column("can show"), Column("tasks", 1), Column("test", 2)]
    rows = [_row(name, figure, found.holm[name]) for name, figure in found.figures.items()]
    notes = [
        f"A: {found.a}",
        f"B: {found.b}",
        "% and points; can show: the smallest true difference that a run of this size finds 4 times of 5, at 5 %",
    ]
    if sets > 1:
        notes.append(f"p values are adjusted for {sets} sets by Holm")
    if found.left_out:
        notes.append(f"{found.left_out} tasks that only one of them has are left out")
    notes += [f"settings differ: {name} {a} and {b}" for name, (a, b) in found.settings.items()]
    return Sheet(f"{found.data}: {found.tasks} tasks, paired", tuple(columns), tuple(rows), (*notes, *found.notes))


def _row(name: str, figure: Difference, p: float) -> tuple[str, ...]:
    mean, low, high = figure.estimate.mean, figure.estimate.low, figure.estimate.high
    return (
        name if name.startswith("pass@") else accuracy_title(name),
        f"{figure.a * 100:.1f}",
        f"{figure.b * 100:.1f}",
        MISSING if mean is None else f"{mean * 100:+.1f}",
        MISSING if low is None or high is None else f"[{low * 100:+.1f}, {high * 100:+.1f}]",
        "< 0.001" if p < 0.001 else f"{p:.3f}",
        MISSING if figure.detectable is None else f"{figure.detectable * 100:.1f}",
        f"{figure.estimate.n_tasks} (+{figure.better} -{figure.worse})",
        figure.test,
    )


def _flipped_sheet(found: Comparison, most: int) -> Sheet:
    rows = [_change("gained", each) for each in found.gained[:most]] + [
        _change("lost", each) for each in found.lost[:most]
    ]
    title = (
        f"Tasks that flipped, by {accuracy_title(found.solved_by)}: {len(found.gained)} gained, {len(found.lost)} lost"
    )
    hidden = max(0, len(found.gained) - most) + max(0, len(found.lost) - most)
    notes = (f"{hidden} more: --tasks N lists more, --json all of them",) if hidden else ()
    return Sheet(title, _TASK_COLUMNS, tuple(rows), notes)


def _changed_sheet(found: Comparison, most: int) -> Sheet:
    best = [_change("best", each) for each in found.changes[:most] if each.code > 0]
    worst = [_change("worst", each) for each in found.changes[::-1][:most] if each.code < 0]
    return Sheet("Largest changes of code accuracy", _TASK_COLUMNS, (*best, *worst))


_TASK_COLUMNS = tuple(map(Column, ("task", "", "code A", "code B", "change")))


def _change(word: str, change: Change) -> tuple[str, ...]:
    figures = (f"{change.code_a * 100:.1f}", f"{change.code_b * 100:.1f}", f"{change.code * 100:+.1f}")
    return (change.task, word, *figures)
