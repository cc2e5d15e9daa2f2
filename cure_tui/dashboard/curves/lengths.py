"""Lengths view: tokens per answer, by role, as a distribution over the steps and as a histogram of one step."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid

from cure_tui.charts import QUANTILES, ChartOptions, Floats
from cure_tui.dashboard.curves.chart import ChartView
from cure_tui.dashboard.explain import Explanation, Term
from cure_tui.dashboard.pane import Pane
from cure_tui.drawing.smoothing import Smoothing
from cure_tui.runs.archive_view import ArchiveView
from cure_tui.runs.watcher import Snapshot

ROLES = (("coder", "series0"), ("tester", "series1"))


LENGTHS = Explanation(
    "lengths",
    "Tokens per answer of each role: over the steps on the left, of one step on the right.",
    (
        Term("median", "half of the step's answers are shorter"),
        Term("q25-q75", "half of the answers lie between these lengths"),
        Term("q10-q90", "four fifths of the answers lie between these lengths"),
        Term("n, max", "answers of the step; length of the longest one"),
    ),
)


class LengthsPane(Pane, can_focus=True):
    """View with two charts per role: bands over all steps, and the histogram of the chosen or newest step."""

    DEFAULT_CSS = """
    LengthsPane Grid { grid-size: 2 2; grid-gutter: 1 1; }
    LengthsPane.-narrow Grid { grid-size: 1 4; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("l", "logarithm", "Log y")]

    def __init__(self, archive: ArchiveView, *, id: str = "lengths", smoothing: Smoothing | None = None) -> None:
        super().__init__(archive, id=id, smoothing=smoothing)
        self._log_y = False

    @property
    def explanation(self) -> Explanation:
        return LENGTHS

    def compose(self) -> ComposeResult:
        with Grid():
            for role, _ in ROLES:
                yield ChartView(id=f"bands-{role}")
                yield ChartView(id=f"step-{role}")

    def on_resize(self) -> None:
        self.set_class(self.size.width < 76, "-narrow")

    def catch_up(self) -> None:
        super().catch_up()
        self.focus()

    def update_view(self, snapshot: Snapshot, step: int | None) -> None:
        lengths = self.archive.lengths(snapshot.state.step)
        shown = step or snapshot.state.step
        for role, style in ROLES:
            steps = [each for each in sorted(lengths) if role in lengths[each]]
            x = np.array(steps, dtype=np.float64)
            quantiles_kq: Floats = np.array(
                [np.quantile(lengths[each][role], QUANTILES) for each in steps], dtype=np.float64
            ).reshape(len(steps), len(QUANTILES))
            title = f"{role} answers, tokens" if steps else self.archive.fault or f"{role} answers, tokens"
            bands = ChartOptions(
                title=title, x_label="step", log_y=self._log_y,
                cursor_x=None if step is None else float(step),
            )  # fmt: skip
            self.query_one(f"#bands-{role}", ChartView).show_bands(x, quantiles_kq, bands, style)
            values = lengths.get(shown, {}).get(role, np.zeros(0))
            one = ChartOptions(title=f"{role}, step {shown}: {values.size} answers", x_label="tokens")
            self.query_one(f"#step-{role}", ChartView).show_histogram(values, one, style)

    def action_logarithm(self) -> None:
        self._log_y = not self._log_y
        self.catch_up()
