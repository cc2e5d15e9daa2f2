"""Tables of a run's evaluations as rows: figures with their intervals, and the tasks of a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.text import Text

from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import Row, Span, one_column
from cure_tui.runs.step_line import UNCONFINED
from cure_tui.runs.task_results import Kind, TaskChange
from engine.evaluation.table import change_text, compared_figures, interval_text
from engine.runs.archive_reader import RightAnswers
from engine.runs.state import Evaluation, RunState

_LABEL, _FIGURE, _CHANGE = 24, 22, 8
"""Columns; together they leave room for a scroll bar in 80."""


def result_rows(state: RunState, first: Evaluation, last: Evaluation) -> Iterator[Row]:
    """Yield the table of two evaluations of one split, or of one alone if both are the same."""
    alone = first is last
    titles = [_title(last)] if alone else [_title(first), _title(last), "change"]
    yield (Span(f"{last.split}, {last.summary.n_tasks or '?'} tasks: mean [95 % interval]", "title"),)
    heads = "".join(f"{title:>{_FIGURE if title != 'change' else _CHANGE}}" for title in titles)
    yield (Span(f"{'':<{_LABEL}}{heads}", "muted"),)
    for figure in compared_figures(first.summary, last.summary):
        if not figure.is_known:
            continue
        spans = [Span(f"{figure.label:<{_LABEL}}", "muted")]
        if not alone:
            spans.append(Span(f"{interval_text(figure.start, figure.scale):>{_FIGURE}}", "text"))
        spans.append(Span(f"{interval_text(figure.end, figure.scale):>{_FIGURE}}", "text"))
        if not alone:
            spans.append(Span(f"{change_text(figure.end.minus(figure.start), figure.scale):>{_CHANGE}}", "title"))
        yield tuple(spans)
    if state.rewards:
        yield (Span(f"trained with {one_column(state.rewards)}", "warning"),)
    if state.sandbox is not None and not state.sandbox.confined:
        yield (Span(UNCONFINED, "error"),)


def _title(evaluation: Evaluation) -> str:
    return f"{evaluation.when}, step {evaluation.step}" if evaluation.step else evaluation.when


def list_caption(lists: dict[Kind, list[TaskChange]], shown: Kind, *, alone: bool) -> Row:
    """Return the line above the list: all lists with their lengths, the shown one marked."""
    spans = [Span("tasks: ", "muted")]
    for kind in kinds_of(alone=alone):
        style = "accent" if kind is shown else "muted"
        spans += [Span(f"{kind} {len(lists[kind])}", style), Span("  ")]
    return tuple(spans[:-1])


def kinds_of(*, alone: bool) -> Sequence[Kind]:
    """Return the lists that there are: one evaluation alone has no changes."""
    return (Kind.FAILING, Kind.ALL) if alone else tuple(Kind)


def task_text(change: TaskChange, theme: str, *, alone: bool) -> Text:
    """Return the line of a task: correct programs and right tests of so many, before and after."""
    styles = styles_of(theme)
    text = Text(no_wrap=True, overflow="ellipsis")
    style = "bad" if change.change < 0 else "good" if change.change > 0 else "muted"
    for role, label in (("coder", "programs"), ("tester", "tests")):
        first, last = change.first.get(role), change.last.get(role)
        text.append(f"{label} ", styles["muted"])
        if not alone:
            text.append(f"{_counts(first):>7} → ", styles["text"])
        text.append(f"{_counts(last):<7}  ", styles[style if role == "coder" else "text"])
    text.append(one_column(change.task), styles["text"])
    return text


def _counts(counts: RightAnswers | None) -> str:
    return "-" if counts is None else f"{counts.right}/{counts.answers}"
