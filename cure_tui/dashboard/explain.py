"""Explanations in place: what the terms and symbols of a view mean, on a screen above it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.spans import Row, Span, one_column
from engine.runs.metrics import metric

_MOST_COLUMNS, _MARGIN, _NAME_COLUMNS = 100, 10, 22


@dataclass(frozen=True, slots=True)
class Term:
    """Term or symbol of a view and its meaning in a sentence. style: of the term, as the view draws it."""

    name: str
    meaning: str
    style: str = "accent"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Explanation of a view: its title, what it shows in a sentence, and its terms."""

    title: str
    text: str = ""
    terms: tuple[Term, ...] = ()


def metric_terms(names: Iterable[str], *, short: bool = False) -> tuple[Term, ...]:
    """Return metrics with their meaning from the one table. short: by the label that lines have, else by the title."""
    metrics = [metric(name) for name in names]
    return tuple(
        Term((short and each.short) or each.title, f"{each.meaning}{f' ({each.unit})' if each.unit else ''}")
        for each in metrics
    )


def explanation_rows(explanations: Sequence[Explanation], columns: int) -> list[Row]:
    """Return the explanations as rows of at most `columns`, a blank row between two."""
    rows: list[Row] = []
    for explanation in explanations:
        rows += [()] if rows else []
        rows.append((Span(explanation.title, "title"),))
        rows += [(Span(line, "text"),) for line in wrap(explanation.text, columns)]
        for term in explanation.terms:
            rows += _term_rows(term, columns)
    return rows


def _term_rows(term: Term, columns: int) -> Iterator[Row]:
    indent = min(_NAME_COLUMNS, columns // 3)
    name = one_column(term.name)
    lines = wrap(one_column(term.meaning), max(columns - indent, 8))
    if len(name) >= indent:
        yield (Span(name, term.style),)
        name = ""
    for line in lines or [""]:
        yield (Span(name.ljust(indent), term.style), Span(line, "muted"))
        name = ""


class ExplainScreen(ModalScreen[None]):
    """Explanations above the view that they explain; any of its keys returns to it."""

    DEFAULT_CSS = """
    ExplainScreen { align: center middle; background: $background 60%; }
    ExplainScreen VerticalScroll {
        height: auto; max-height: 90%; border: round $primary; padding: 0 1; background: $surface;
    }
    ExplainScreen Static { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,i,q,enter", "back", "Back"),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
    ]

    def __init__(self, *explanations: Explanation) -> None:
        super().__init__()
        self._explanations = explanations

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            yield RowsView()
            yield Static("arrows scroll, Esc returns", markup=False)

    def on_mount(self) -> None:
        self._lay_out()
        self.query_one(VerticalScroll).focus()

    def on_resize(self) -> None:
        self._lay_out()

    def _lay_out(self) -> None:
        columns = max(20, min(_MOST_COLUMNS, self.app.size.width - _MARGIN))
        self.query_one(VerticalScroll).styles.width = columns + 4
        self.query_one(RowsView).show(explanation_rows(self._explanations, columns - 2))

    def action_scroll(self, by: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_back(self) -> None:
        self.dismiss()
