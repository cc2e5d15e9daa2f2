"""Where the dashboard opens: what can be trained here, and the runs there are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import DataTable, Footer, OptionList, Static
from textual.widgets.option_list import Option

from cure_tui.palette import styles_of
from cure_tui.pictures.header import condition_span
from cure_tui.preset_list import PresetEntry, preset_entries
from cure_tui.screens.ask import Answer, AskScreen
from cure_tui.spans import Row, Span
from cure_tui.widgets.rows import RowsView
from engine.config import Machine, probe_machine
from engine.runs.home import runs_home
from engine.runs.listing import RunCondition, RunInfo, list_runs
from engine.sandbox import SandboxLevel, sandbox_level

if TYPE_CHECKING:
    from cure_tui.app import CureApp

REFRESH_SECONDS = 2.0
_NEEDS_SHOWN = 2
COLUMNS = ("run", "state", "step", "code", "UT", "BoN", "started")


class HomeScreen(Screen[None]):
    """Presets as cards, past and running runs as a table; both are read in the background."""

    DEFAULT_CSS = """
    HomeScreen #machine { padding: 0 1; height: 2; background: $panel; }
    HomeScreen .caption { padding: 0 1; color: $text-muted; height: 1; }
    HomeScreen #presets-side { width: 2fr; }
    HomeScreen #runs-side { width: 3fr; }
    HomeScreen OptionList { border: none; height: 1fr; }
    HomeScreen DataTable { height: 1fr; }
    HomeScreen #empty { padding: 1 2; height: auto; display: none; }
    HomeScreen.-narrow #columns { layout: vertical; }
    HomeScreen.-narrow #presets-side, HomeScreen.-narrow #runs-side { width: 100%; height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Start or watch", show=True),
        Binding("n", "start_nano", "New nano run"),
        Binding("r", "resume", "Resume"),
        Binding("delete,x", "delete", "Delete"),
        Binding("tab", "app.focus_next", "Other list", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._presets: list[PresetEntry] = []
        self._runs: list[RunInfo] = []

    @property
    def _cure(self) -> CureApp:
        return cast("CureApp", self.app)

    def compose(self) -> ComposeResult:
        yield RowsView(id="machine")
        with Horizontal(id="columns"):
            with Vertical(id="presets-side"):
                yield Static("presets", classes="caption")
                yield OptionList(id="presets")
            with Vertical(id="runs-side"):
                yield Static(f"runs in {runs_home()}", classes="caption", markup=False)
                yield Static("no runs yet: press n to train the embedded model, ten minutes on two cores", id="empty")
                yield DataTable(id="runs", cursor_type="row", zebra_stripes=True)
        yield Footer()

    def on_mount(self) -> None:
        self.query_one(DataTable).add_columns(*COLUMNS)
        self.query_one("#machine", RowsView).show([(Span(" looking at this machine", "muted"),), ()])
        self._probe()
        self._read_runs()
        self.set_interval(REFRESH_SECONDS, self._read_runs)
        self.query_one("#presets").focus()

    def on_resize(self) -> None:
        self.set_class(self.size.width < 110, "-narrow")

    def on_screen_resume(self) -> None:
        if self.is_mounted:
            self._read_runs()

    # What is read in the background -------------------------------------------------------------------------

    @work(thread=True, exclusive=True, group="machine")
    def _probe(self) -> None:
        machine = probe_machine(runs_home())
        presets = preset_entries(machine)
        self.app.call_from_thread(self._show_presets, machine, presets)
        level = sandbox_level()
        self.app.call_from_thread(self._show_machine, machine, level)

    @work(thread=True, exclusive=True, group="runs")
    def _read_runs(self) -> None:
        if self.app.screen is self:
            self.app.call_from_thread(self._show_runs, list_runs())

    # What is shown ------------------------------------------------------------------------------------------

    def _show_machine(self, machine: Machine, level: SandboxLevel | None) -> None:
        self.query_one("#machine", RowsView).show(machine_rows(machine, level))

    def _show_presets(self, machine: Machine, presets: list[PresetEntry]) -> None:
        self._show_machine(machine, None)
        self._presets = presets = sorted(presets, key=lambda entry: not entry.runs_here)
        listed = self.query_one("#presets", OptionList)
        listed.clear_options()
        listed.add_options(Option(preset_card(entry, self.app.theme), id=entry.name) for entry in presets)
        if presets:
            listed.highlighted = next((at for at, entry in enumerate(presets) if entry.runs_here), 0)

    def _show_runs(self, runs: list[RunInfo]) -> None:
        self.query_one("#empty").display = not runs
        table = self.query_one(DataTable)
        table.display = bool(runs)
        if runs == self._runs:
            return
        chosen = self._chosen_run()
        self._runs = runs
        table.clear()
        for run in runs:
            table.add_row(*run_cells(run, self.app.theme), key=str(run.path))
        places = {str(run.path): at for at, run in enumerate(runs)}
        if chosen is not None and str(chosen.path) in places:
            table.move_cursor(row=places[str(chosen.path)])

    def _chosen_run(self) -> RunInfo | None:
        row = self.query_one(DataTable).cursor_row
        return self._runs[row] if 0 <= row < len(self._runs) else None

    # What a user asks for -----------------------------------------------------------------------------------

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._start(self._presets[event.option_index])

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        run = self._chosen_run()
        if run is not None:
            self._cure.watch_run(run.path)

    def action_open(self) -> None:
        """Enter is taken by the list that has the focus; this is what the footer shows for it."""

    def action_start_nano(self) -> None:
        self._cure.start_preset("nano")

    def action_resume(self) -> None:
        run = self._chosen_run()
        if run is None:
            self.notify("no run is chosen", severity="warning")
        else:
            self._cure.resume_run(run.path)

    def action_delete(self) -> None:
        run = self._chosen_run()
        if run is None:
            return
        if run.state is RunCondition.LIVE:
            self.notify(f"{run.id} is running: stop it first", severity="warning", markup=False)
            return
        question = f"Delete {run.id} for good? Its checkpoints and rollouts go with it.\n{run.path}"
        answers = [Answer("delete", "d", "delete it"), Answer("keep", "k", "keep it")]
        self.app.push_screen(AskScreen(question, answers), lambda answer: self._delete(run, answer))

    def _delete(self, run: RunInfo, answer: str | None) -> None:
        if answer != "delete":
            return
        try:
            shutil.rmtree(run.path)
        except OSError as error:
            self.notify(f"{run.path} cannot be removed: {error.strerror}", severity="error", markup=False)
        self._read_runs()

    def _start(self, entry: PresetEntry) -> None:
        if not entry.runs_here:
            what = "; ".join(f"{missing.what}: {missing.remedy}" for missing in entry.missing)
            self.notify(f"{entry.name} does not run here: {what}", severity="warning", timeout=12, markup=False)
            return
        self._cure.start_preset(entry.name)


def machine_rows(machine: Machine, level: SandboxLevel | None) -> list[Row]:
    """Two rows: the hardware, and what confines programs (None: still being tried)."""
    gpus = ", ".join(f"{gpu.name} {gpu.memory_gb:.0f} GB ({gpu.free_gb:.0f} free)" for gpu in machine.gpus)
    first: Row = (
        Span("cure-tui", "accent"),
        Span(f"  {machine.cores} cores  {machine.memory_gb:.0f} GB memory  {gpus or 'no GPU'}", "text"),
        Span(f"  {machine.disk_free_gb:.0f} GB free for runs", "muted"),
    )
    if level is None:
        return [first, (Span("trying to break out of the sandbox", "muted"),)]
    style = "good" if level.letter == "A" else "warning" if level.confined else "error"
    second: Row = (Span(f"sandbox level {level.letter}", style), Span(f"  {level.summary}", "muted"))
    if level.remedy:
        second = (*second, Span(f"  better: {level.remedy}", "text"))
    return [first, second]


def preset_card(entry: PresetEntry, theme: str) -> Text:
    """Name, whether it fits this machine, and what it is for or what it lacks."""
    styles = styles_of(theme)
    card = Text()
    card.append("✔ " if entry.runs_here else "✘ ", styles["good" if entry.runs_here else "bad"])
    card.append(entry.name, styles["title"])
    card.append("  runs here\n" if entry.runs_here else "  does not run here\n", styles["muted"])
    card.append(f"  {entry.description}\n", styles["text"])
    for missing in entry.missing[:_NEEDS_SHOWN]:
        card.append(f"  needs: {missing.what}\n", styles["warning"])
        card.append(f"    -> {missing.remedy}\n", styles["muted"])
    if len(entry.missing) > _NEEDS_SHOWN:
        more = len(entry.missing) - _NEEDS_SHOWN
        card.append(f"  and {more} more: cure-tui doctor\n", styles["muted"])
    return card


def run_cells(run: RunInfo, theme: str) -> list[Text]:
    """The cells of COLUMNS for one run."""
    styles = styles_of(theme)
    state = condition_span(run.state, paused=run.paused)
    started = f"{datetime.fromtimestamp(run.started):%d %b %H:%M}" if run.started else "-"
    code, ut, bon = _accuracies(run)
    texts = [run.id, state.text, f"{run.step}/{run.steps}", code, ut, bon, started]
    return [
        Text(text, styles[state.style] if name == "state" else styles["text"], no_wrap=True)
        for name, text in zip(COLUMNS, texts, strict=True)
    ]


def _accuracies(run: RunInfo) -> Sequence[str]:
    """Code, UT and the largest best-of-N of the last evaluation, else of the last step."""
    summary = run.evaluation.summary if run.evaluation else {}
    bon = summary.get("bon")
    sizes = list(bon.values()) if isinstance(bon, dict) else []
    values = [summary.get("code"), summary.get("ut"), sizes[-1] if sizes else None]
    means = [value.get("mean") if isinstance(value, dict) else None for value in values]
    metrics = run.metrics or {}
    names = ("code_accuracy", "ut_accuracy", "bon_accuracy")
    found = [
        mean if isinstance(mean, float | int) else metrics.get(name) for mean, name in zip(means, names, strict=True)
    ]
    return ["-" if value is None else f"{100 * value:.0f}%" for value in found]
