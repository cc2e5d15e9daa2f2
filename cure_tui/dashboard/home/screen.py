"""Home screen: the presets that can be trained on this machine, and the runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen, Screen
from textual.timer import Timer
from textual.widgets import DataTable, Input, OptionList, Static

from cure_tui.dashboard.ask import AskScreen, Choice
from cure_tui.dashboard.background import background, in_app
from cure_tui.dashboard.home.picture import about_run, machine_rows, runs_caption
from cure_tui.dashboard.home.preset_cards import PresetList
from cure_tui.dashboard.home.run_table import RunTable
from cure_tui.dashboard.keys_line import KeysLine
from cure_tui.dashboard.messages import CompareRuns, EditNote, HomeIsShown, OpenRun, ResumeRun, StartFrom, StartPreset
from cure_tui.dashboard.rows import RowsView
from cure_tui.drawing.spans import Span
from cure_tui.runs.listing import LETTERS, Order, RunList, is_evaluation, matching, sorted_by
from engine.errors import CureError
from engine.machine.home import runs_home
from engine.machine.regular_files import remove_tree
from engine.runs.listing import RunCondition, RunInfo, read_info

if TYPE_CHECKING:
    from cure_tui.launch.presets import PresetEntry
    from engine.machine.probe import Machine
    from engine.sandbox import SandboxLevel

REFRESH_SECONDS = 2.0
_SIDE_BY_SIDE = 110
_FIRST_RUN = "No runs yet.\n\nPress n to train the embedded model: ten minutes on two CPU cores, nothing to download."


class HomeScreen(Screen[None]):
    """Screen of presets (cards) and runs (table); both are read in the background."""

    DEFAULT_CSS = """
    HomeScreen #machine { padding: 0 1; height: 2; background: $panel; }
    HomeScreen .caption { padding: 0 1; color: $text-muted; height: 1; }
    HomeScreen .caption.-here { color: $primary; text-style: bold; }
    HomeScreen #presets-side { width: 40; margin-right: 1; }
    HomeScreen #runs-side { width: 1fr; }
    HomeScreen #filter { height: 1; border: none; padding: 0 1; background: $surface; display: none; }
    HomeScreen #about { padding: 0 1; height: 1; }
    HomeScreen #empty { padding: 1 2; height: auto; display: none; }
    HomeScreen.-narrow #columns { layout: vertical; }
    HomeScreen.-narrow #presets-side { width: 100%; height: 2fr; margin-right: 0; }
    HomeScreen.-narrow #runs-side { width: 100%; height: 3fr; }
    """
    AUTO_FOCUS = ""  # `_take_runs` decides which list gets the focus
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "start_nano", "Nano run"),
        Binding("m", "mark", "Mark"),
        Binding("c", "compare", "Compare"),
        Binding("slash", "filter", "Filter"),
        Binding("o", "order", "Order", show=False),
        Binding("r", "resume", "Resume", show=False),
        Binding("f", "start_from", "Train on from this run's adapter", show=False),
        Binding("N", "note", "Note", key_display="N"),
        Binding("delete,x", "delete", "Delete"),
        Binding("escape", "clear", "Clear filter or marks", show=False),
        Binding("tab", "app.focus_next", "Switch list", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._list = RunList()
        self._presets: list[PresetEntry] = []
        self._all_runs: list[RunInfo] | None = None  # None: not read yet
        self._marked: list[Path] = []
        self._order = Order.NEWEST
        self._probed = False
        self._back_from_elsewhere = False
        self._looks: Timer | None = None

    @property
    def _table(self) -> RunTable:
        return self.query_one(RunTable)

    def compose(self) -> ComposeResult:
        yield RowsView(id="machine")
        with Horizontal(id="columns"):
            with Vertical(id="presets-side"):
                yield Static("presets", classes="caption")
                yield PresetList(id="presets")
            with Vertical(id="runs-side"):
                yield Static("runs", id="runs-caption", classes="caption", markup=False)
                yield Input(placeholder="words of name, preset, state or note; Enter goes to the list", id="filter")
                yield Static(_FIRST_RUN, id="empty")
                yield RunTable(id="runs")
                yield RowsView(id="about")
        yield KeysLine()

    def on_mount(self) -> None:
        self.query_one("#machine", RowsView).show([(Span("probing this machine", "muted"),), ()])
        self._looks = self.set_interval(REFRESH_SECONDS, self._read_runs, pause=True)
        self.query_one(PresetList).focus()

    def on_resize(self) -> None:
        narrow = self.size.width < _SIDE_BY_SIDE
        self.set_class(narrow, "-narrow")
        self.query_one(PresetList).show(self._presets, brief=narrow)

    def on_descendant_focus(self) -> None:
        """Highlight the caption of the side with the focus: `:focus-within` does not reach a child's style."""
        for side in self.query("#presets-side, #runs-side"):
            side.query_one(".caption").set_class(side.has_focus_within, "-here")

    def on_screen_resume(self) -> None:
        """Probe and read only if visible: a user who attaches to a run may never see this screen."""
        if not self.is_current:
            return
        if not self._probed:
            self._probed = True
            self._probe()
        if self._back_from_elsewhere:
            # Focus the runs: Enter, which opens a run there, would start a training in the list of presets.
            self.set_focus(self._table if self._table.display else None)
        self._read_runs()
        if self._looks is not None:
            self._looks.resume()

    def on_screen_suspend(self) -> None:
        above = self.app.screen
        self._back_from_elsewhere = above is not self and not isinstance(above, ModalScreen)
        # A covered screen that keeps updating makes Textual repaint the whole screen above it each time.
        if self._looks is not None:
            self._looks.pause()

    # What is read in the background -------------------------------------------------------------------------

    @background("machine", exclusive=True)
    def _probe(self) -> None:
        # Half of the dashboard's import time is spent here, after the first frame.
        from cure_tui.launch.presets import preset_entries
        from engine.machine.probe import probe_machine
        from engine.sandbox import sandbox_level

        machine = probe_machine(runs_home())
        presets = preset_entries(machine)
        in_app(self, self._show_presets, machine, presets)
        try:
            level: SandboxLevel | str = sandbox_level()
        except CureError as error:
            level = str(error)
        in_app(self, self._show_machine, machine, level)
        self.post_message(HomeIsShown())

    @background("runs", exclusive=True)
    def _read_runs(self) -> None:
        if in_app(self, lambda: self.is_current):
            in_app(self, self._take_runs, self._list.read())

    # What is shown ------------------------------------------------------------------------------------------

    def _show_machine(self, machine: Machine, level: SandboxLevel | str | None) -> None:
        self.query_one("#machine", RowsView).show(machine_rows(machine, level, self.size.width - 2))

    def _show_presets(self, machine: Machine, presets: list[PresetEntry]) -> None:
        self._show_machine(machine, None)
        self._presets = presets
        self.query_one(PresetList).show(presets, brief=self.has_class("-narrow"))

    def _take_runs(self, runs: list[RunInfo]) -> None:
        first_time, self._all_runs = self._all_runs is None, runs
        there = {run.path for run in runs}
        self._marked = [path for path in self._marked if path in there]
        self._show_runs()
        presets = self.query_one(PresetList)
        if self.focused is None or (first_time and presets.has_focus):
            (self._table if runs else presets).focus()  # a user with runs comes back for them

    def _show_runs(self) -> None:
        runs, words = self._all_runs or [], self.query_one(Input).value
        listed = sorted_by(matching(runs, words), self._order)
        self.query_one("#empty").display = not runs
        self._table.display = bool(runs)
        self._table.show(listed, self._marked)
        caption = runs_caption(len(listed), len(runs), words, self._order, len(self._marked), runs_home())
        self.query_one("#runs-caption", Static).update(caption)
        self._show_chosen()

    def _show_chosen(self) -> None:
        run = self._table.chosen
        self.query_one("#about", RowsView).show([about_run(run)] if run else [()])

    def on_data_table_row_highlighted(self) -> None:
        self._show_chosen()

    # Runs ---------------------------------------------------------------------------------------------------

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        run = self._table.chosen
        if run is not None:
            self.post_message(OpenRun(run.path))

    def action_resume(self) -> None:
        run = self._chosen_run()
        if run is not None:
            self.post_message(ResumeRun(run.path))

    def action_start_from(self) -> None:
        run = self._chosen_run()
        if run is not None and is_evaluation(run):
            self.notify("an evaluation has no adapter to train on from; choose a run", severity="warning")
        elif run is not None:
            self.post_message(StartFrom(run.path))

    def action_note(self) -> None:
        run = self._chosen_run()
        if run is not None:
            self.post_message(EditNote(run.path))

    def action_delete(self) -> None:
        run = self._chosen_run()
        if run is None or self._is_live(run):
            return
        question = f"Delete {run.id} for good? Its checkpoints and rollouts go with it.\n{run.path}"
        answers = [Choice("delete", "d", "delete it"), Choice("keep", "k", "keep it")]

        def delete(answer: str | None) -> None:
            if answer == "delete":
                self._delete(run.path)

        self.app.push_screen(AskScreen(question, answers), delete)

    @background("delete")
    def _delete(self, path: Path) -> None:
        """Delete in the background: checkpoints of large models take seconds to remove."""
        # The run may have been resumed while the question was open.
        if in_app(self, self._is_live, read_info(path)):
            return
        try:
            remove_tree(path)
        except OSError as error:
            said = f"cannot delete {path}: {error.strerror or error}"
            in_app(self, self.notify, said, severity="error", markup=False)
        in_app(self, self._read_runs)

    def _is_live(self, run: RunInfo) -> bool:
        """Report whether the run has a live engine; if so, tell the user to stop it first."""
        if run.state is RunCondition.LIVE:
            self.notify(f"{run.id} is running: stop it first", severity="warning", markup=False)
        return run.state is RunCondition.LIVE

    def _chosen_run(self) -> RunInfo | None:
        run = self._table.chosen
        if run is None:
            self.notify("no run is selected", severity="warning")
        return run

    # Marks and comparing ------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        run = self._chosen_run()
        if run is not None:
            self._mark(run)

    def on_run_table_marked(self, event: RunTable.Marked) -> None:
        self._mark(event.run)

    def _mark(self, run: RunInfo) -> None:
        if run.path in self._marked:
            self._marked.remove(run.path)
        elif len(self._marked) == len(LETTERS):
            self.notify(
                f"at most {len(LETTERS)} runs can be compared; press m on a marked run to unmark it", severity="warning"
            )
        else:
            self._marked.append(run.path)
        self._show_runs()

    def action_compare(self) -> None:
        """Compare the marked runs; if only one is marked, compare it with the run under the cursor."""
        run = self._table.chosen
        paths = list(self._marked)
        if len(paths) == 1 and run is not None:
            paths.append(run.path)
        if len(paths) < 2:
            self.notify("press m to mark a run, then c on another one", severity="warning")
        else:
            self.post_message(CompareRuns(paths))

    # Which runs are listed ----------------------------------------------------------------------------------

    def action_filter(self) -> None:
        line = self.query_one(Input)
        line.display = True
        line.focus()

    def on_input_changed(self) -> None:
        self._show_runs()

    def on_input_submitted(self) -> None:
        line = self.query_one(Input)
        line.display = bool(line.value)
        self._table.focus()

    def action_order(self) -> None:
        self._order = self._order.next()
        self._show_runs()

    def action_clear(self) -> None:
        """Clear the filter; if there is none, clear the marks."""
        line = self.query_one(Input)
        if line.display:
            line.value = ""
            line.display = False
            self._table.focus()
        else:
            self._marked.clear()
        self._show_runs()

    # Presets ------------------------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        entry = self.query_one(PresetList).chosen
        if entry is not None:  # the dialog says what one that does not fit lacks, and lets the user change it
            self.post_message(StartPreset(entry.name))

    def action_start_nano(self) -> None:
        self.post_message(StartPreset("nano"))
