"""Full-screen app of `cure-tui solve`: the dashboard's matrix as it fills, beside it the leading program."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from rich.syntax import Syntax
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from cure_tui.dashboard.background import background, in_app
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.matrix.cell_screen import CellScreen
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.themed_app import ThemedApp
from cure_tui.drawing.spans import Row, Span, one_column
from cure_tui.solving.answer_screen import AnswerScreen
from cure_tui.solving.client import SolveFault, SolveProcess
from cure_tui.solving.picture import headline_rows
from cure_tui.solving.record import SOLVING, solve_reading, task_record
from cure_tui.solving.report import summary_line
from cure_tui.solving.trail import has_trail
from cure_tui.solving.trail_screen import TrailScreen
from engine.errors import CureError
from engine.prompts import Role
from engine.solve.events import Event, SolveState
from engine.solve.fates import in_words, remedies_of

_FRAME_SECONDS = 1 / 8


class SolveApp(ThemedApp[list[SolveState]]):
    """App that follows a solving process and returns the states of all problems; `fault` holds what stopped it."""

    TITLE = "cure-tui solve"
    CSS = """
    #head { background: $panel; }
    #sides { height: 1fr; }
    MatrixView { width: 3fr; }
    #program-side { width: 2fr; border-left: solid $panel; padding: 0 1; }
    #program-side:focus { border-left: solid $primary; }
    .-narrow #sides { layout: vertical; }
    .-narrow MatrixView, .-narrow #program-side { width: 100%; height: 1fr; }
    .-narrow #program-side { border-left: none; border-top: solid $panel; }
    .-narrow #program-side:focus { border-top: solid $primary; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]
    BINDINGS: ClassVar[list[BindingType]] = [
        # one key, and what it does now: see check_action
        Binding("q,escape", "finish", "Finish, then quit", key_display="q"),
        Binding("q,escape", "stop", "Stop at once", key_display="q"),
        Binding("q,escape", "leave", "Quit", key_display="q"),
        Binding("ctrl+c,ctrl+q", "finish", show=False, priority=True),
        Binding("ctrl+c,ctrl+q", "stop", show=False, priority=True),
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
        Binding("t", "trail", "Trail"),
        Binding("left_square_bracket", "problem(-1)", "Previous problem", key_display="["),
        Binding("right_square_bracket", "problem(1)", "Next problem", key_display="]"),
    ]

    def __init__(self, process: SolveProcess, origins: Sequence[str], *, ascii_only: bool = False) -> None:
        super().__init__(ascii_only=ascii_only)
        self._process, self._origins = process, origins
        self._states = [SolveState()]
        self.faults: dict[int, tuple[str, int]] = {}  # by problem: message, exit status
        self.fault: CureError | None = None
        self.warnings: list[str] = []
        self._shown = 0
        self._began = time.monotonic()
        self._seconds: dict[int, float] = {}
        self._over = False
        self._dirty = True
        self._drawn_source: tuple[str, str] | None = None

    def compose(self) -> ComposeResult:
        yield RowsView(id="head")
        with Horizontal(id="sides"):
            yield MatrixView(words=SOLVING)
            with VerticalScroll(id="program-side"):
                yield Static(id="program")
        yield KeysLine()

    def on_mount(self) -> None:
        self.query_one(MatrixView).focus()
        self.set_interval(_FRAME_SECONDS, self._draw)
        self._follow()

    # Events of the solving process --------------------------------------------------------------------------

    @background()
    def _follow(self) -> None:
        try:
            for batch in self._process.batches(None):
                in_app(self, self._take_all, batch)
        except CureError as error:
            self.fault = error
        in_app(self, self._end)

    def _take_all(self, batch: Sequence[Event]) -> None:
        for event in batch:
            self._take(event)

    def _take(self, event: Event) -> None:
        newest = self._states[-1]
        if event["event"] == "problem":
            following = self._shown == len(self._states) - 1
            fresh = newest.next_problem(event)
            self._states = [fresh] if not newest.id else [*self._states, fresh]
            self._shown = len(self._states) - 1 if following else self._shown
            self._began = time.monotonic()
            self.refresh_bindings()
        elif event["event"] == "warning":
            self.warnings.append(event["text"])
            self.notify(event["text"], severity="warning", timeout=15, markup=False)
        elif event["event"] == "fault":
            if not newest.coder or len(self._origins) == 1:
                self.fault = SolveFault(event)
            else:
                self.faults[newest.number] = (f"{event['message']} ({event['remedy']})", event["status"])
        newest = self._states[-1]
        had_trail = has_trail(newest.trail)
        newest.take(event)
        if has_trail(newest.trail) != had_trail:
            self.refresh_bindings()
        self._seconds[newest.number] = time.monotonic() - self._began
        self._dirty = True

    def _end(self) -> None:
        self._over = self._dirty = True
        if self.fault is not None:
            self.exit(self._states)
        self.refresh_bindings()

    # Drawing ------------------------------------------------------------------------------------------------

    def _draw(self) -> None:
        state = self._states[self._shown]
        under_way = not self._over and self._shown == len(self._states) - 1
        if not (self._dirty or under_way):
            return
        self._dirty = False
        seconds = time.monotonic() - self._began if under_way else self._seconds.get(state.number, 0.0)
        self.query_one("#head", RowsView).show([*headline_rows(state, seconds, self.size.width), self._last_row(state)])
        reading = solve_reading(state) if state.rejected else None
        self.query_one(MatrixView).show_reading(reading, nothing="no program yet")
        leader = state.leader
        source = state.sources[leader] if leader is not None and leader < len(state.sources) else ""
        self._show_program(source, "" if source else _why_none(state))

    def _last_row(self, state: SolveState) -> Row:
        if state.number in self.faults:
            return (Span(one_column(self.faults[state.number][0]), "error"),)
        if state.solution is not None:
            style = "good" if state.solution["support"] == "supported" else "warning"
            return (Span(one_column(summary_line(state.solution)), style),)
        if self._process.finishing:
            return (Span("finishing with the programs and tests so far", "warning"),)
        if state.leader is None:
            return (Span("no program leads yet", "muted"),)
        after = state.trail.lineage.get(state.leader)
        comes_from = "" if after is None else f", written after p{after[0]}: {one_column(after[1])}"
        return (Span(f"p{state.leader} leads{comes_from}", "muted"),)

    def _show_program(self, source: str, otherwise: str) -> None:
        drawn = (source or otherwise, self.theme)
        if drawn == self._drawn_source:
            return
        self._drawn_source = drawn
        colours = "monokai" if self.current_theme.dark else "friendly"
        background = self.theme_variables["background"]
        code = Syntax(source, "python", theme=colours, word_wrap=True, background_color=background)
        self.query_one("#program", Static).update(code if source else Text(otherwise))

    # Keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("finish", "stop", "leave"):
            return action == ("leave" if self._over else "stop" if self._process.finishing else "finish")
        if action == "trail":
            return has_trail(self._states[self._shown].trail)
        if action != "problem":
            return True
        if len(self._origins) == 1:
            return False
        (by,) = parameters
        assert isinstance(by, int)
        return True if 0 <= self._shown + by < len(self._states) else None

    def action_finish(self) -> None:
        """Make the process conclude with what it has."""
        self._process.conclude()
        self._dirty = True
        self.refresh_bindings()

    def action_stop(self) -> None:
        """Kill the process, which is concluding already."""
        self._process.conclude()

    def action_leave(self) -> None:
        """Return to the shell with the programs."""
        self.exit(self._states)

    def action_trail(self) -> None:
        self.push_screen(TrailScreen(self._states[self._shown]))

    def action_problem(self, by: int) -> None:
        self._shown = max(0, min(self._shown + by, len(self._states) - 1))
        self._dirty = True
        self.refresh_bindings()

    def on_matrix_view_cell_chosen(self, event: MatrixView.CellChosen) -> None:
        state = self._states[self._shown]
        if state.rejected[event.program]:
            self.push_screen(AnswerScreen(state, event.program))
            return
        reading = solve_reading(state)
        record = task_record(state)
        self.push_screen(
            CellScreen(record, event.program, event.test, event.is_truth, reading=reading, words=SOLVING),
        )

    def on_matrix_view_program_chosen(self, event: MatrixView.ProgramChosen) -> None:
        self.push_screen(AnswerScreen(self._states[self._shown], event.program))


def _why_none(state: SolveState) -> str:
    """Say what became of the answers while there is no program to show."""
    reasons = Counter(filter(None, state.rejected))
    if len(state.rejected) > reasons.total():
        return "no program runs" if state.solution else ""
    if not reasons:
        return ""
    remedies = [f"remedy: {remedy}" for remedy in remedies_of({Role.CODER: reasons})]
    told = ["No answer holds a program:", *in_words(reasons).split(", "), *remedies]
    return "\n".join([*told, "", "Enter shows the answer of the row."])
