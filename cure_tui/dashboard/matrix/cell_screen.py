"""Screen of one cell of a pass matrix: the program, the test, the output, and the reason for the verdict."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from cure_tui.dashboard.matrix.cell_picture import CellDetail, cell_detail, diff_rows
from cure_tui.dashboard.matrix.picture import side_of
from cure_tui.dashboard.matrix.reading import Reading
from cure_tui.dashboard.matrix.words import TRAINING, Words
from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import Row, one_column
from engine.runs.records import TaskRecord

# A test's input may have a hundred thousand lines: too many to read here, and laying them out takes seconds.
MAX_LINES = 400
_WIDE = 110  # columns from which program and test fit side by side


class CellScreen(ModalScreen[tuple[int, int, bool]]):
    """Screen of a task's cells, one at a time. Its result is the last cell shown: (program, test, is_truth)."""

    DEFAULT_CSS = """
    CellScreen #cell { width: 100%; height: 100%; background: $surface; border: round $primary; padding: 0 1; }
    CellScreen #about { height: auto; }
    CellScreen #parts { height: 1fr; layout: vertical; }
    CellScreen #test, CellScreen #program {
        width: 1fr; height: 1fr; scrollbar-size-vertical: 1;
        border-top: solid $primary 40%; border-title-color: $text-muted;
    }
    CellScreen #test:focus, CellScreen #program:focus { border-top: solid $primary; border-title-color: $text; }
    CellScreen.-narrow #program { height: auto; max-height: 50%; }
    CellScreen.-wide #parts { layout: horizontal; }
    CellScreen.-wide #test { margin-left: 1; }
    CellScreen #keys { height: 1; color: $text-muted; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]
    # with priority: otherwise the focused part would use the arrows to scroll sideways, where there is nothing
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close"),
        Binding("left_square_bracket,left", "step(0, -1)", "Previous test", key_display="[", priority=True),
        Binding("right_square_bracket,right", "step(0, 1)", "Next test", key_display="]", priority=True),
        Binding("left_curly_bracket", "step(-1, 0)", "Previous program", key_display="{", priority=True),
        Binding("right_curly_bracket", "step(1, 0)", "Next program", key_display="}", priority=True),
    ]

    def __init__(
        self,
        task: TaskRecord,
        program: int,
        test: int,
        is_truth: bool,
        *,
        reading: Reading | None = None,
        words: Words = TRAINING,
    ) -> None:
        """Open a cell of `task`; reading, words: as in `cell_detail`. ValueError: it has no such cell."""
        super().__init__()
        self._record = task
        self._detail_of = partial(cell_detail, task, reading=reading, words=words)
        self._detail = self._detail_of(program, test, is_truth)

    @property
    def detail(self) -> CellDetail:
        """Cell that is shown."""
        return self._detail

    def compose(self) -> ComposeResult:
        with Vertical(id="cell"):
            yield Static(id="about")
            with Horizontal(id="parts"):
                with VerticalScroll(id="program"):
                    yield Static(id="program-text")
                with VerticalScroll(id="test"):
                    yield Static(id="test-text")
            yield Static("[ ] test   { } program   ↑↓ scroll   tab other part   esc close", id="keys", markup=False)

    def on_mount(self) -> None:
        self._show()
        self.query_one("#test").focus()

    def action_close(self) -> None:
        self.dismiss((self._detail.program, self._detail.test, self._detail.is_truth))

    def action_step(self, programs: int, columns: int) -> None:
        """Show a neighbouring cell, generated tests following the ground truth; do nothing at the ends."""
        matrix = self._record.matrix
        if matrix is None:
            return
        n, t = matrix.truth_nt.shape
        program = self._detail.program + programs
        column = self._detail.test + (0 if self._detail.is_truth else t) + columns
        if 0 <= program < n and 0 <= column < t + matrix.generated_nm.shape[1]:
            self._detail = self._detail_of(program, *side_of(column, t))
            self._show()

    def _show(self) -> None:
        detail, theme = self._detail, self.app.theme
        self.query_one("#about", Static).update(
            Group(_headline(detail, theme), _text(detail.explanation, "text", theme))
        )
        program = self.query_one("#program", VerticalScroll)
        program.border_title = "program" if detail.has_program else "answer without a program"
        self.query_one("#program-text", Static).update(
            _program(detail, theme, self.app.theme_variables["surface"], is_dark=self.app.current_theme.dark)
        )
        self.query_one("#test", VerticalScroll).border_title = "test"
        self.query_one("#test-text", Static).update(_test(detail, theme))
        for part in self.query(VerticalScroll):
            part.scroll_home(animate=False)


def _headline(detail: CellDetail, theme: str) -> Text:
    cell_status = detail.cell_status
    status = f" ({detail.status})" if detail.status not in ("", "ok", cell_status.label.replace(" ", "_")) else ""
    took = "" if detail.milliseconds is None else f"  {detail.milliseconds} ms CPU"
    return Text.assemble(
        (f"{cell_status.glyph} {detail.label}{status}", styles_of(theme)[cell_status.style]),
        (f"  {detail.name}", styles_of(theme)["title"]),
        (f"  {one_column(detail.task)}{took}", styles_of(theme)["muted"]),
    )


def _program(detail: CellDetail, theme: str, background: str, *, is_dark: bool) -> RenderableType:
    if not detail.source.strip():
        return _text("not kept", "muted", theme)
    if not detail.has_program:
        return _block(detail.source, theme)
    colours = "monokai" if is_dark else "friendly"
    source = _shortened(detail.source)
    return Syntax(source, "python", theme=colours, line_numbers=True, word_wrap=True, background_color=background)


def _test(detail: CellDetail, theme: str) -> RenderableType:
    parts: list[RenderableType] = [_text(detail.context, "muted", theme)]

    def part(title: str, content: Text) -> None:
        # a single line stands beside its title, so that a small terminal shows all of a small test
        if len(content.plain.splitlines()) <= 1:
            parts.append(Text.assemble((title.ljust(11), styles_of(theme)["accent"]), content))
        else:
            parts.extend((_text(title, "accent", theme), content))

    if detail.input.strip() or detail.expected.strip():
        part("input", _block(detail.input, theme))
        part("expected", _block(detail.expected, theme))
    if detail.got is not None:
        part("got", _block(detail.got, theme))
        if detail.got != detail.expected:
            rows = diff_rows(detail.expected, detail.got, detail.comparison)
            part("difference", Text("\n").join(_rich(row, theme) for row in rows))
    if detail.answer:
        part("the tester's answer", _block(detail.answer, theme))
    return Group(*parts)


def _block(text: str, theme: str) -> Text:
    return _text(_shortened(text), "text", theme) if text.strip() else _text("(empty)", "muted", theme)


def _shortened(text: str) -> str:
    """Keep at most MAX_LINES lines, and replace control characters, which could move the terminal's cursor."""
    lines = text.rstrip().splitlines()
    shown = [one_column(line.expandtabs(4)) for line in lines[:MAX_LINES]]
    return "\n".join([*shown, f"… {len(lines) - MAX_LINES} more lines"] if len(lines) > MAX_LINES else shown)


def _text(text: str, style: str, theme: str) -> Text:
    return Text(text, styles_of(theme)[style])


def _rich(row: Row, theme: str) -> Text:
    return Text.assemble(*((span.text, styles_of(theme)[span.style]) for span in row))
