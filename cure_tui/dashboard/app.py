"""App of the dashboard: a home screen and a screen per run. It only reads run folders and writes commands into them.

To draw its first frame early, this module imports next to nothing; the screens are imported after that frame.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from cure_tui.dashboard.background import background, in_app
from cure_tui.dashboard.copying import save
from cure_tui.dashboard.keys_line import HELP
from cure_tui.dashboard.messages import (
    AllowRuns,
    CompareRuns,
    EditNote,
    Fault,
    HomeIsShown,
    NameWindow,
    OpenRun,
    ResumeRun,
    StartFrom,
    StartPreset,
)
from cure_tui.dashboard.screen_picture import screen_svg
from cure_tui.dashboard.themed_app import ThemedApp
from cure_tui.dashboard.window_title import title_codes
from cure_tui.drawing.palette import THEMES
from cure_tui.drawing.smoothing import Smoothing
from engine.errors import CureError, RunError
from engine.machine.home import run_name
from engine.machine.process_memory import grows_without_cycles

if TYPE_CHECKING:
    from textual.command import Provider

    from cure_tui.dashboard.run.screen import RunScreen
    from cure_tui.launch.draft import Checked, Draft
    from cure_tui.launch.prepare import PreparedRun
    from cure_tui.launch.process import EngineProcess
    from cure_tui.launch.question import Question

_FINISHED_SECONDS = 6
_PALETTE_SECONDS = 0.2
"""Delay until the command palette has disappeared from the screen to be saved."""


def _places_provider() -> type[Provider]:
    from cure_tui.dashboard.palette import Places

    return Places


class CureApp(ThemedApp[str]):
    """Dashboard. Its result is the text for the terminal after it: how to return to the runs that keep running."""

    TITLE = "cure-tui"
    ENABLE_COMMAND_PALETTE = True
    COMMANDS = ThemedApp.COMMANDS | {_places_provider}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "next_theme", "Next theme", show=False),
        Binding("question_mark", HELP, "Help"),
        Binding("ctrl+s", "save_picture", "Save the screen as a picture", show=False),
        Binding("q", "leave", "Quit"),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
    ]

    def __init__(
        self, run: Path | None = None, engine: EngineProcess | None = None, *, ascii_only: bool = False
    ) -> None:
        """Show `run`, if given, on top of the home screen. engine: the process that was started for it."""
        super().__init__(ascii_only=ascii_only)
        self.smoothing = Smoothing()
        self._window_title = ""
        self._first_run = run
        self._engines: list[EngineProcess] = [] if engine is None else [engine]

    def compose(self) -> ComposeResult:
        """Draw the first frame, a placeholder: the home screen takes three times as long to come."""
        yield Static(" cure-tui  probing this machine")

    def on_mount(self) -> None:
        self.window_title = self.TITLE
        self.call_after_refresh(self._open)
        self.set_interval(1.0, self._reap)

    def _open(self) -> None:
        with grows_without_cycles():
            from cure_tui.dashboard.home.screen import HomeScreen

        self.push_screen(HomeScreen())
        if self._first_run is not None:
            self.watch_run(self._first_run)

    # What the screens ask for -------------------------------------------------------------------------------

    def on_open_run(self, event: OpenRun) -> None:
        self._ask_about_others([event.path], lambda: self.watch_run(event.path))

    def on_compare_runs(self, event: CompareRuns) -> None:
        self._ask_about_others(event.paths, lambda: self.compare_runs(event.paths))

    def on_allow_runs(self, event: AllowRuns) -> None:
        self._ask_about_others(event.paths, event.then)

    def on_edit_note(self, event: EditNote) -> None:
        from cure_tui.dashboard.note import note_screen, take_note

        def answered(text: str | None) -> None:
            if text is None:
                return
            try:
                self.notify(take_note(event.path, text), timeout=3, markup=False)
            except CureError as error:
                self.tell(error)

        self.push_screen(note_screen(event.path), answered)

    def on_fault(self, event: Fault) -> None:
        self.tell(event.error)

    def on_name_window(self, event: NameWindow) -> None:
        self.window_title = event.title or self.TITLE

    @background()
    def on_home_is_shown(self, event: HomeIsShown) -> None:
        import cure_tui.dashboard.run.screen  # noqa: F401  (preloads the next screen while the app is idle)

    @background()
    def on_start_preset(self, event: StartPreset) -> None:
        """Ask first: a stray key must not start a training, least of all beside another one."""
        from cure_tui.launch.draft import Draft, check

        in_app(self, self._ask_to_start, check(Draft.of(event.preset)))

    @background()
    def on_start_from(self, event: StartFrom) -> None:
        from cure_tui.launch.draft import Draft, check

        checked = check(Draft.of(str(event.path / "config.toml"), start=str(event.path)))
        if not checked.may_start:
            raise RunError(checked.refusals[0].what, checked.refusals[0].remedy)
        in_app(self, self._ask_to_start, checked)

    @background()
    def on_resume_run(self, event: ResumeRun) -> None:
        from cure_tui.launch.extend import extension_text
        from cure_tui.launch.prepare import prepare_resume
        from cure_tui.launch.question import resume_question

        prepared = prepare_resume(str(event.path))
        question = resume_question(prepared.config, prepared.folder)
        if prepared.can_extend:
            about = extension_text(prepared.finished, prepared.folder.path, question.live)
            in_app(self, self._ask_for_more, prepared.folder.path, about)
            return
        if prepared.finished:  # no fault: the notice must not hide the list for long
            in_app(self, self.notify, prepared.finished, severity="warning", timeout=_FINISHED_SECONDS, markup=False)
            return
        in_app(self, self._ask, question, lambda: self.resume_run(event.path))

    def _ask_for_more(self, path: Path, about: str) -> None:
        """Ask how long a finished run is to go on."""
        from cure_tui.dashboard.edit import EditScreen, Field
        from cure_tui.launch.extend import USUAL, extension_fault

        def answered(text: str | None) -> None:
            if text is not None:
                self._extend(path, text)

        if not isinstance(self.screen, EditScreen):
            field = Field("Go on training", about, USUAL, extension_fault, good="trains on at once")
            self.push_screen(EditScreen(field), answered)

    @background()
    def _extend(self, path: Path, text: str) -> None:
        from cure_tui.launch.extend import Extension, prepare_extension

        prepared = prepare_extension(path, Extension.parse(text))
        in_app(self, self._start_accepted, prepared)

    def _start_accepted(self, prepared: PreparedRun) -> None:
        """Start an engine on a run that the user has agreed to; the question has said whose run it is."""
        from engine.runs.origin import accept

        try:
            accept(prepared.folder.path)
            self._start(prepared)
        except CureError as error:
            self.tell(error)

    def _ask_to_start(self, checked: Checked) -> None:
        """Open the start dialog, once."""
        from cure_tui.dashboard.ask import AskScreen
        from cure_tui.dashboard.start.screen import StartScreen

        def answered(draft: Draft | None) -> None:
            if draft is not None:
                self.start_run(draft)

        if not isinstance(self.screen, AskScreen | StartScreen):
            self.push_screen(StartScreen(checked), answered)

    def _ask(self, question: Question, start: Callable[[], None]) -> None:
        """Ask one question at a time; beside a live run, or by a run of others, Enter alone starts nothing."""
        from cure_tui.dashboard.ask import AskScreen, Choice

        if isinstance(self.screen, AskScreen):
            return
        answers = [Choice("start", "y", "yes, train"), Choice("nothing", "n", "no, start nothing")]

        def answered(answer: str | None) -> None:
            if answer == "start":
                start()

        self.push_screen(AskScreen(question.text, answers[::-1] if question.beside else answers), answered)

    def _ask_about_others(self, paths: Sequence[Path], open_them: Callable[[], None]) -> None:
        """Open runs at once if they are the user's own, else after a question that Enter alone answers with no."""
        from cure_tui.dashboard.ask import AskScreen, Choice
        from cure_tui.launch.question import origin_warning
        from engine.runs.origin import accept

        try:
            warning = origin_warning(paths)
        except CureError as error:
            self.tell(error)
            return
        if not warning:
            open_them()
        elif not isinstance(self.screen, AskScreen):

            def answered(answer: str | None) -> None:
                if answer != "open":
                    return
                try:
                    for path in paths:
                        accept(path)
                except CureError as error:
                    self.tell(error)
                    return
                open_them()

            answers = [Choice("nothing", "n", "no, open nothing"), Choice("open", "y", "yes, open it")]
            text = f"Open it? {warning[0].upper()}{warning[1:]}: its settings and files are somebody else's."
            self.push_screen(AskScreen(text, answers), answered)

    # Runs ---------------------------------------------------------------------------------------------------

    def watch_run(self, path: Path) -> None:
        """Open a run's screen on top of the home screen."""
        from cure_tui.dashboard.run.screen import (
            RunScreen,  # not at the top: it imports numpy, which the first frame need not wait for
        )

        try:
            screen = RunScreen(path, smoothing=self.smoothing)
        except CureError as error:
            self.tell(error)
            return
        self.push_screen(screen)

    def compare_runs(self, paths: Sequence[Path]) -> None:
        """Show the runs side by side, or say why they cannot be compared."""
        from cure_tui.dashboard.compare.screen import CompareScreen

        try:
            screen = CompareScreen(paths, smoothing=self.smoothing)
        except CureError as error:
            self.tell(error)
            return
        self.push_screen(screen)

    def start_run(self, draft: Draft) -> None:
        """Start a new run and show it."""
        from cure_tui.launch.prepare import prepare_run

        try:
            self._start(prepare_run(draft.source, draft.overrides, None, draft.name))
        except CureError as error:
            self.tell(error)

    def resume_run(self, path: Path) -> None:
        """Resume a run and show it."""
        from cure_tui.launch.prepare import prepare_resume

        try:
            prepared = prepare_resume(str(path))
            if prepared.finished:
                raise RunError(prepared.finished)
        except CureError as error:
            self.tell(error)
        else:
            self._start_accepted(prepared)

    def _start(self, prepared: PreparedRun) -> None:
        from cure_tui.launch.process import EngineProcess

        self._engines.append(EngineProcess(prepared.folder, prepared.new_limits))
        watched = self._watched(self.screen)
        if watched is not None:
            if watched.path == prepared.folder.path:
                return
            self.pop_screen()
        self.watch_run(prepared.folder.path)

    @staticmethod
    def _watched(screen: Screen[object]) -> RunScreen | None:
        """Return the screen if it is a run's, else None."""
        if "cure_tui.dashboard.run.screen" not in sys.modules:  # then no run was opened; spare the import
            return None
        from cure_tui.dashboard.run.screen import RunScreen

        return screen if isinstance(screen, RunScreen) else None

    @property
    def window_title(self) -> str:
        """Title of the terminal's window; Textual's own `title` would redraw the whole screen."""
        return self._window_title

    @window_title.setter
    def window_title(self, title: str) -> None:
        if title == self._window_title:
            return
        self._window_title = title
        if self._driver is not None and not self.is_headless and not self.is_web:
            self._driver.write(title_codes(title))

    def _reap(self) -> None:
        """Poll the engines: a finished one remains a zombie process until its parent reads its status."""
        self._engines = [engine for engine in self._engines if engine.poll() is None]

    def tell(self, error: CureError) -> None:
        """Show an error that the user can fix, with its remedy."""
        self.notify(str(error), severity="error", timeout=12, markup=False)

    # Actions ------------------------------------------------------------------------------------------------

    def action_next_theme(self) -> None:
        names = list(THEMES)
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]
        self.notify(self.theme, timeout=2)

    def action_toggle_help(self) -> None:
        if self.screen.query("HelpPanel"):
            self.action_hide_help_panel()
        else:
            self.action_show_help_panel()

    def action_save_picture(self) -> None:
        """Save the screen as SVG in the run's exports; without a run, in the current folder."""
        watched = next(filter(None, map(self._watched, self.screen_stack)), None)
        folder = Path.cwd() if watched is None else watched.exports
        saved = save(screen_svg(self), folder, f"screen-{datetime.now():%Y%m%d-%H%M%S}.svg")
        self.notify(saved.message, severity="error" if saved.failed else "information", markup=False)

    def action_leave(self) -> None:
        """Quit and leave the engines running; the last lines say how to return to them."""
        self._reap()
        names = [run_name(engine.folder.path) for engine in self._engines]
        watched = self._watched(self.screen)
        if watched is not None and watched.is_live and run_name(watched.path) not in names:
            names.append(run_name(watched.path))
        self.exit("\n".join(f"run {name} keeps running; to return: cure-tui attach {name}" for name in names))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        from cure_tui.dashboard.palette import screen_actions

        own = [
            SystemCommand(
                "Save the screen as a picture",
                "SVG, into the run's exports or the current folder",
                lambda: self.set_timer(_PALETTE_SECONDS, self.action_save_picture),
            ),
            SystemCommand("Start nano", "train the embedded model: ten minutes on two CPU cores", self._start_nano),
        ]
        for command in screen_actions(screen):
            if command.title not in {each.title for each in own}:
                own.append(command)
        yield from own
        # Textual's own screenshot loads a font from the web, and goes to a folder of its choice; its Quit is silent.
        others = {"Screenshot", *(each.title for each in own)}
        yield from (command for command in super().get_system_commands(screen) if command.title not in others)

    def _start_nano(self) -> None:
        self.post_message(StartPreset("nano"))
