"""The curves view: every metric of the run, over step, minutes, tokens or problems, and the way to another's curves."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from cure_tui.archive_view import ArchiveView
from cure_tui.curves import CHARTS, chart_series
from cure_tui.panes.pane import Pane
from cure_tui.pictures.header import condition_span
from cure_tui.screens.ask import Answer, AskScreen
from cure_tui.screens.compare import open_comparison
from cure_tui.watch import Snapshot
from cure_tui.widgets.chart_grid import ChartGrid
from engine.runs.listing import RunCondition, RunInfo, list_runs

_OTHERS_OFFERED = 9
"""As many as there are digits to choose one by."""


class CurvesPane(Pane):
    """All charts of the run; `c` lays those of another run over them."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "compare", "Compare")]

    def __init__(self, archive: ArchiveView, *, id: str = "curves") -> None:
        super().__init__(archive, id=id)

    @property
    def _run(self) -> Path:
        return self.archive.path.parent

    def compose(self) -> ComposeResult:
        yield ChartGrid(CHARTS, self._run / "exports", self.cure.smoothing, ascii_only=self.cure.ascii_only)

    def catch_up(self) -> None:
        super().catch_up()
        self.query_one(ChartGrid).take_focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        self.query_one(ChartGrid).show(partial(chart_series, snapshot.state), step)

    # Another run --------------------------------------------------------------------------------------------

    @work(thread=True, exclusive=True)
    def action_compare(self) -> None:
        """Reads the list of runs in the background: a hundred take a fraction of a second."""
        runs = [run for run in list_runs() if run.path != self._run and run.state is not RunCondition.UNREADABLE]
        self.app.call_from_thread(self._ask, runs[:_OTHERS_OFFERED])

    def _ask(self, others: list[RunInfo]) -> None:
        if not others:
            self.notify("there is no other run to compare with", severity="warning")
            return
        answers = [Answer(str(at), str(at), f"{run.id}  {self._state_of(run)}") for at, run in enumerate(others, 1)]

        def compare(answer: str | None) -> None:
            if answer is not None:
                open_comparison(self.cure, [self._run, others[int(answer) - 1].path])

        self.app.push_screen(AskScreen("Compare with which run? The home screen offers all.", answers), compare)

    def _state_of(self, run: RunInfo) -> str:
        return condition_span(run.state, paused=run.paused, ascii_only=self.cure.ascii_only).text
