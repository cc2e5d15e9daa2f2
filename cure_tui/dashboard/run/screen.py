"""Screen of one run, live or past: header, six views, travel through the steps, and commands to its engine."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.widgets import ContentSwitcher, Tab, Tabs

from cure_tui.dashboard.ask import AskScreen, Choice
from cure_tui.dashboard.background import background, in_app
from cure_tui.dashboard.condition import condition_span
from cure_tui.dashboard.curves.lengths import LengthsPane
from cure_tui.dashboard.curves.pane import CurvesPane
from cure_tui.dashboard.explain import ExplainScreen
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.matrix.cell_screen import CellScreen
from cure_tui.dashboard.matrix.pane import MatrixPane
from cure_tui.dashboard.messages import (
    ChooseRun,
    EditNote,
    Fault,
    NameWindow,
    OpenAnswers,
    OpenCell,
    OpenRollout,
    ResumeRun,
)
from cure_tui.dashboard.palette import Place
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.results.answers_screen import AnswersScreen
from cure_tui.dashboard.results.pane import ResultsPane
from cure_tui.dashboard.rollouts.pane import RolloutsPane
from cure_tui.dashboard.rollouts.screen import RolloutScreen
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.entry import bounds, first_view
from cure_tui.dashboard.run.header import HEADER_TERMS, header_rows
from cure_tui.dashboard.run.log import LogPane
from cure_tui.dashboard.run.log_screen import EngineLogScreen
from cure_tui.dashboard.run.overview import OverviewPane
from cure_tui.dashboard.run.title import title_of
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.drawing.spans import one_column
from cure_tui.runs.alerts import alerts
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.watcher import RunWatcher, Snapshot
from engine.errors import CureError
from engine.machine.home import EVALUATION_REQUEST
from engine.runs.folder import RunFolder
from engine.runs.inbox import Command, pause_wanted, pending, send, withdraw
from engine.runs.listing import RunCondition, RunInfo, list_runs

PANES: Mapping[str, type[Pane]] = {
    "overview": OverviewPane,
    "rollouts": RolloutsPane,
    "matrix": MatrixPane,
    "curves": CurvesPane,
    "lengths": LengthsPane,
    "log": LogPane,
    "results": ResultsPane,
}
VIEWS = tuple(PANES)
_OFFERED: Mapping[str, Container[str]] = {
    "pause": ("live",),
    "go_on": ("paused",),
    "resume": ("ended",),
    "stop": ("live", "paused"),
    "checkpoint": ("live", "paused"),
}
"""States of a run in which each command is offered; any other action always is."""
_OTHERS_OFFERED = 9
"""Runs offered for a comparison: one per digit key."""


class RunScreen(Screen[None]):
    """Screen of a run. It follows the newest step until the user chooses one; `f` follows again."""

    DEFAULT_CSS = """
    RunScreen #header { background: $panel; height: 2; }
    RunScreen Tabs { height: 2; }
    RunScreen ContentSwitcher { height: 1fr; }
    RunScreen.-low Tabs { display: none; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(at), f"view('{name}')", f"View {name}", show=False) for at, name in enumerate(VIEWS, 1)),
        Binding("space", "pause", "Pause"),
        Binding("space,r", "go_on", "Continue", key_display="space"),
        Binding("r", "resume", "Resume"),
        Binding("x", "stop", "Stop"),
        Binding("i", "explain", "Explain"),
        Binding("left_square_bracket", "step(-1)", "Step", key_display="[ ]", tooltip="an earlier or a later step"),
        Binding("right_square_bracket", "step(1)", "Step +1", show=False),
        Binding("left_curly_bracket", "step(-10)", "Step -10", show=False),
        Binding("right_curly_bracket", "step(10)", "Step +10", show=False),
        Binding("f", "follow", "Follow"),
        Binding("w", "checkpoint", "Write a checkpoint", show=False),  # k moves up in matrix and list
        Binding("o", "open_log", "Engine's output", show=False),
        Binding("N", "note", "Note and tags", key_display="N", show=False),
        Binding("escape", "home", "Home"),
    ]

    chosen_step: reactive[int | None] = reactive(None)

    class Looked(Message):
        """Notice that a newer snapshot is in `newest`; it carries none, so a slow screen never shows an old one."""

    def __init__(self, path: Path, *, smoothing: Smoothing | None = None) -> None:
        """Open the run folder at `path`. RunError: it is not one that this version can read."""
        super().__init__()
        self._smoothing = smoothing or Smoothing()
        folder = RunFolder.open(path)
        self.path = folder.path
        self.archive = ArchiveView(folder.archive)
        self._folder = folder
        self._max_minutes, self._kl_bound = bounds(folder)
        self._alerted = Snapshot(folder.path)
        self._watcher = RunWatcher(folder.path, self._hear)
        self.newest = self._unread = Snapshot(folder.path)
        self._offered = ""
        self._told = False
        self._resumes = 0
        self._inbox = folder.inbox
        self._first_view = first_view(folder)
        self._is_evaluation = (folder.path / EVALUATION_REQUEST).exists()

    @property
    def exports(self) -> Path:
        """Folder for files that the user saves from this run."""
        return self.path / "exports"

    @property
    def is_live(self) -> bool:
        return self.newest.is_live

    def compose(self) -> ComposeResult:
        yield RowsView(id="header")
        tabs = (Tab(f"{at} {name.capitalize()}", id=f"tab-{name}") for at, name in enumerate(VIEWS, 1))
        yield Tabs(*tabs, active=f"tab-{self._first_view}")
        with ContentSwitcher(initial=self._first_view):
            # the other panes are built when first shown: they are two thirds of all widgets
            yield PANES[self._first_view](self.archive, id=self._first_view, smoothing=self._smoothing)
        yield KeysLine(with_palette=True)

    def on_mount(self) -> None:
        self._show_header()
        self._watcher.start()

    def on_screen_resume(self) -> None:
        if not self.newest.loading:  # the first snapshot is empty and not live: it would hide the wall
            self._bring()  # a comparison may have changed the smoothing, which all charts share

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer the commands that the run takes in its state: only a live engine obeys, only an ended run resumes."""
        if action == "follow":
            return self.chosen_step is not None
        wanted = _OFFERED.get(action)
        return wanted is None or self._offers in wanted

    @property
    def _offers(self) -> Literal["live", "paused", "ended", "nothing"]:
        """State of the run on which its commands depend; a pause counts from the key on. An evaluation takes none,
        and nothing is offered before the first look at the run.
        """
        if self._is_evaluation or self.newest is self._unread:
            return "nothing"
        if not self.newest.is_live:
            return "ended"
        # not `newest.pending`, which is up to a second old: the next key must already do the other thing
        return "paused" if pause_wanted(pending(self._inbox), self.newest.is_paused) else "live"

    def on_unmount(self) -> None:
        self._watcher.close()
        self.archive.close()
        if not any(isinstance(screen, RunScreen) and screen is not self for screen in self.app.screen_stack):
            self.app.post_message(NameWindow(""))  # to the app directly: messages of an unmounted screen do not bubble

    def on_resize(self) -> None:
        self.set_class(self.size.height < 20, "-low")
        self._show_header()

    # What the watcher sees ----------------------------------------------------------------------------------

    def _hear(self, snapshot: Snapshot) -> None:
        """Keep the newest snapshot only, so a slow terminal skips frames, not events; runs in the watcher's thread."""
        self.newest = snapshot
        if not self._told:
            self._told = True
            self.post_message(self.Looked())

    def on_run_screen_looked(self) -> None:
        self._told = False
        self._bring()

    def _bring(self) -> None:
        snapshot = self.newest
        self._call_for_the_user(snapshot)
        if self._offers != self._offered:
            self._offered = self._offers
            self.refresh_bindings()
        if snapshot.state.resumes != self._resumes:
            self._resumes = snapshot.state.resumes
            self.archive.forget()
            self._max_minutes, self._kl_bound = bounds(self._folder)  # a resume may bring new limits
        self._show_header()
        self.post_message(NameWindow(title_of(snapshot, self._kl_bound)))
        for pane in self.query_one(ContentSwitcher).children:  # a query by type would walk the whole widget tree
            cast("Pane", pane).bring(snapshot, self.chosen_step)

    def _show_header(self) -> None:
        columns = self.size.width
        rows = header_rows(self.newest, self.chosen_step, columns, self._max_minutes, self._kl_bound)
        self.query_one("#header", RowsView).show(rows)

    def _call_for_the_user(self, snapshot: Snapshot) -> None:
        """Notify the user of new alerts, with the terminal's bell in case another window has the focus."""
        for alert in alerts(self._alerted, snapshot, self._kl_bound):
            self.notify(alert.text, severity=alert.severity, timeout=15, markup=False)
            self.app.bell()
        self._alerted = snapshot

    # Views and time -----------------------------------------------------------------------------------------

    @property
    def _pane(self) -> Pane:
        return cast("Pane", self.query_one(f"#{self.query_one(ContentSwitcher).current}"))

    def action_view(self, name: str) -> None:
        self.query_one(Tabs).active = f"tab-{name}"

    async def on_tabs_tab_activated(self, event: Tabs.TabActivated) -> None:
        await self._show_view((event.tab.id or "tab-overview").removeprefix("tab-"))

    async def _show_view(self, name: str) -> None:
        switcher = self.query_one(ContentSwitcher)
        if not any(pane.id == name for pane in switcher.children):
            pane = PANES[name](self.archive, id=name, smoothing=self._smoothing)
            await switcher.add_content(pane)
            pane.bring(self.newest, self.chosen_step)
        switcher.current = name
        self._pane.catch_up()

    def action_step(self, by: int) -> None:
        """Show an earlier or later step; past the newest one, follow the run again."""
        last = self.newest.state.step
        if last < 1:
            return
        wanted = (self.chosen_step or last) + by
        self.chosen_step = None if wanted > last else max(1, wanted)

    def places(self, typed: str) -> Iterator[Place]:
        """Yield the steps of the numbers that were typed, and the tasks of the step on the screen."""
        last = self.newest.state.step
        for number in sorted({int(digits) for digits in re.findall(r"\d{1,9}", typed)}):
            if 1 <= number <= last:
                yield Place(f"Go to step {number}", "as [ and ] do", partial(self._go_to_step, number))
        for task in self.archive.tasks(self.chosen_step or last):
            yield Place(f"Go to task {one_column(task.task)}", "its matrix", partial(self._go_to_task, task.task))

    def _go_to_step(self, step: int) -> None:
        self.chosen_step = None if step >= self.newest.state.step else step

    async def _go_to_task(self, task: str) -> None:
        """Show the matrix of a task of the step on the screen."""
        self.action_view("matrix")
        await self._show_view("matrix")
        self.query_one(MatrixPane).show_task(task)

    def action_follow(self) -> None:
        self.chosen_step = None

    def watch_chosen_step(self) -> None:
        if self.is_mounted:
            self.refresh_bindings()
            self._bring()

    # What is opened from the views --------------------------------------------------------------------------

    def on_open_cell(self, event: OpenCell) -> None:
        self.app.push_screen(CellScreen(event.task, event.program, event.test, event.is_truth), event.closed)

    def on_open_rollout(self, event: OpenRollout) -> None:
        screen = RolloutScreen(self.archive.path, event.ids, event.at, event.texts)
        self.app.push_screen(screen, event.closed)

    def on_open_answers(self, event: OpenAnswers) -> None:
        self.app.push_screen(AnswersScreen(event.archive, event.query, event.title))

    @background(exclusive=True)
    def on_choose_run(self, event: ChooseRun) -> None:
        """Read the list of runs in the background: a hundred runs take a fraction of a second."""
        readable = [run for run in list_runs() if run.state is not RunCondition.UNREADABLE]
        marked = [run for run in readable if event.marks.get(run.path)]
        others = [] if event.only_marked else [run for run in readable if run.path not in event.marks]
        in_app(self, self._ask_which, event, [*marked, *others][:_OTHERS_OFFERED])

    def _ask_which(self, event: ChooseRun, runs: list[RunInfo]) -> None:
        if not runs:
            self.notify("there is no other run to compare with this one", severity="warning")
            return
        states = [event.marks.get(run.path) or condition_span(run.state, paused=run.paused).text for run in runs]
        answers = [
            Choice(str(at), str(at), f"{run.id}  {state}")
            for at, (run, state) in enumerate(zip(runs, states, strict=True), 1)
        ]

        def answered(answer: str | None) -> None:
            if answer is not None:
                event.chosen(runs[int(answer) - 1].path)

        self.app.push_screen(AskScreen(event.question, answers), answered)

    # Commands -----------------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        """Pause the engine; withdraw a request to go on that it has not read yet."""
        self._want_pause(True)

    def action_go_on(self) -> None:
        """Let a paused engine go on; withdraw a pause that it has not read yet."""
        self._want_pause(False)

    def _want_pause(self, wanted: bool) -> None:
        command, opposite = (Command.PAUSE, Command.RESUME) if wanted else (Command.RESUME, Command.PAUSE)
        if self.newest.is_live and self._withdrawn(opposite):
            self.refresh_bindings()
            self.notify("still paused" if wanted else "pause cancelled", timeout=3)
            return
        self._send(command, "pausing after this phase" if wanted else "resuming")

    def _withdrawn(self, command: Command) -> bool:
        try:
            return withdraw(self.path, command)
        except CureError as error:
            self.post_message(Fault(error))
            return False

    def action_checkpoint(self) -> None:
        self._send(Command.CHECKPOINT, "the engine will write a checkpoint after this step")

    def action_stop(self) -> None:
        if not self._may_command():
            return
        answers = [
            Choice("stop", "s", "stop after this step, with a checkpoint"),
            Choice("stop_now", "n", "stop now, with a checkpoint of the last step"),
            Choice("go_on", "g", "go on training"),
        ]
        question = "Stop the training? It can be resumed at any time."
        self.app.push_screen(AskScreen(question, answers), self._stop)

    def _stop(self, answer: str | None) -> None:
        if answer in ("stop", "stop_now"):
            self._send(Command(answer), "stopping; press r to resume the run at any time")

    def action_resume(self) -> None:
        """Ask to start a new engine for a run that has none."""
        self.post_message(ResumeRun(self.path))

    def action_explain(self) -> None:
        """Explain the view, its symbols and the figures of the header."""
        self.app.push_screen(ExplainScreen(self._pane.explanation, HEADER_TERMS))

    def action_open_log(self) -> None:
        """Open the engine's own output, engine.log."""
        self.app.push_screen(EngineLogScreen(self.path))

    def action_note(self) -> None:
        """Edit the note on the run."""
        self.post_message(EditNote(self.path))

    def action_home(self) -> None:
        self.app.pop_screen()

    def _send(self, command: Command, said: str) -> None:
        if not self._may_command():
            return
        try:
            send(self.path, command)
        except CureError as error:
            self.post_message(Fault(error))
            return
        self.refresh_bindings()
        self.notify(said, timeout=3)

    def _may_command(self) -> bool:
        if self.newest.is_live:
            return True
        self.notify("this run has no live engine; press r to resume it", severity="warning")
        return False
