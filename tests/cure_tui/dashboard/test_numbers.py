"""Numbers on the screens of a recorded run: each is that of the journal or of the archive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from cure_tui.charts import format_value
from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.curves.chart import ChartView
from cure_tui.dashboard.curves.grid import ChartBox, ChartGrid
from cure_tui.dashboard.home.run_table import RunTable
from cure_tui.dashboard.matrix.pane import MatrixPane
from cure_tui.dashboard.matrix.widget import MatrixView
from cure_tui.dashboard.rollouts.widget import RolloutList
from cure_tui.dashboard.rows import RowsView
from cure_tui.dashboard.run.digest import CURVES
from cure_tui.dashboard.run.screen import RunScreen
from engine.evaluation.table import estimate_text
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.archive_reader import ArchiveReader
from engine.runs.folder import RunFolder
from engine.runs.listing import read_state
from engine.runs.metrics import metric
from engine.runs.state import RunState
from tests.cure_tui.dashboard.driving import header_of, on_screen, opened, running, settled, until
from tests.cure_tui.recorded import PROGRAMS, TASKS, TESTS, record_run

pytestmark = pytest.mark.usefixtures("own_home")
STEPS, EARLIER = 7, 4
_HEADER_FORMS = {
    "tokens_per_second": "{:,.0f}", "code_accuracy": "{:.2f}", "ut_accuracy": "{:.2f}", "mu": "{:+.2f}", "kl": "{:.3f}",
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Return a finished run in which no two steps, and hardly two metrics, have the same value."""
    folder = RunFolder.create(tmp_path / "home" / "runs" / "nano-varied", dump_toml(load_preset("nano")))
    record_run(folder, STEPS, varied=True)
    return folder


def of_step(state: RunState, name: str, step: int) -> float:
    """Return a metric as the journal has it."""
    return float(state.points[step - 1].metrics[name] or 0.0)


def values_under(screen: RunScreen, box: ChartBox) -> dict[str, str]:
    """Return the values in the legend of a chart by the names of its lines."""
    lines = screen.query_one(ChartGrid).series(box.spec)
    view = box.query_one(ChartView)
    text = "  ".join(view.render_line(row).text for row in range(2))
    found = {}
    for line in lines:
        values = re.findall(rf"(?<!\w){re.escape(line.name)} (-?[\d.e+-]+|-)(?=\s|$)", text)
        if values:
            found[line.name] = values[-1]  # the place of the cursor, "step 4", stands before the line called "step"
    return found


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_header_and_digest_show_the_step_of_the_journal(run: RunFolder, size: tuple[int, int]) -> None:
    state = read_state(run.journal)
    app = CureApp(run.path)
    async with running(app, size) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("1")
        for step, keys in ((STEPS, ()), (EARLIER, ["left_square_bracket"] * (STEPS - EARLIER))):
            await pilot.press(*keys)
            await until(pilot, lambda step=step: screen.chosen_step in (step, None))
            await settled(app, pilot)
            head = header_of(screen).splitlines()[1].replace(",", "")
            for name, form in _HEADER_FORMS.items():
                value = form.format(of_step(state, name, step)).replace(",", "")
                assert f"{metric(name).short} {value} " in f"{head} ", name
            if size[0] > 80:
                continue
            digest = screen.query_one("#digest", RowsView).text
            for name, label in CURVES:
                assert re.search(
                    rf"{re.escape(label)} +{re.escape(format_value(of_step(state, name, step)))} ", digest
                ), name
            start, end = (state.evaluation("heldout", when) for when in ("start", "end"))
            assert start is not None
            assert end is not None
            assert f"{estimate_text(start.summary.code)} → {estimate_text(end.summary.code)}" in digest


async def test_every_chart_reads_the_raw_value_at_its_end_and_under_the_cursor(run: RunFolder) -> None:
    state = read_state(run.journal)
    app = CureApp(run.path)
    async with running(app, (200, 60)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("4", "s")  # the strongest smoothing
        await settled(app, pilot)
        grid = screen.query_one(ChartGrid)
        for step in (STEPS, EARLIER):
            if step != STEPS:
                await pilot.press(*["left_square_bracket"] * (STEPS - step))
                await until(pilot, lambda: screen.chosen_step == EARLIER)
                await settled(app, pilot)
            read = 0
            for box in grid.query(ChartBox):
                if box.spec.evaluated or not box.display:
                    continue
                shown = values_under(screen, box)
                for name in box.spec.metrics:
                    values = state.column(name)
                    if metric(name).title in shown and np.isfinite(values).any():
                        assert shown[metric(name).title] == format_value(of_step(state, name, step)), (name, step)
                        read += 1
            assert read > 30


async def test_rollouts_matrix_log_and_list_show_what_was_recorded(run: RunFolder) -> None:
    state = read_state(run.journal)
    app = CureApp(run.path)
    async with running(app, (120, 40)) as pilot:
        screen = await opened(app, pilot)
        await pilot.press("2")
        listed = screen.query_one(RolloutList)
        await until(pilot, lambda: len(listed.ids) == STEPS * TASKS * (PROGRAMS + TESTS) and not listed.searching)
        await settled(app, pilot)
        with ArchiveReader(run.archive) as archive:
            rows = list(figures_of(on_screen(app)))
            stored = archive.rollouts(list(listed.ids[: len(rows)]))
            expected = [
                (each.step, each.task, each.rollout.role, each.rollout.index, f"{each.rollout.reward:+.2f}",
                 f"{each.rollout.advantage:+.2f}", each.rollout.tokens)
                for each in stored
            ]  # fmt: skip
            assert len(rows) > 20
            assert rows == expected
            await matrix_is_that_of(archive, screen, pilot)
        await pilot.press("6")
        await settled(app, pilot)
        log = on_screen(app)
        seconds = {
            "sampling": "seconds_sample",
            "waiting for programs": "seconds_execute_wait",
            "updating": "seconds_update",
        }
        for label, name in seconds.items():
            assert re.search(rf"{label} +{of_step(state, name, STEPS):.2f} s", log), label
        await pilot.press("5")
        await settled(app, pilot)
        assert f"coder, step {STEPS}: {TASKS * PROGRAMS} answers" in on_screen(app)
        assert f"tester, step {STEPS}: {TASKS * TESTS} answers" in on_screen(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query(RunTable) and app.screen.query_one(RunTable).row_count == 1)
        end = state.evaluation("heldout", "end")
        assert end is not None
        row = [str(cell) for cell in app.screen.query_one(RunTable).get_row_at(0)]
        assert row[3:5] == [f"{STEPS}/{STEPS}", f"{100 * (end.summary.code.mean or 0):.0f}%"]


def figures_of(screen: str) -> Iterator[tuple[object, ...]]:
    """Read the list of rollouts off the screen."""
    form = r"^[› ] *(\d+) (\S+) +(coder|tester) +(\d+) +([+-]\d\.\d\d) +([+-]\d\.\d\d) +(\d+)"
    for found in re.finditer(form, screen, re.MULTILINE):
        step, task, role, index, reward, advantage, tokens = found.groups()
        yield int(step), task, role, int(index), reward, advantage, int(tokens)


async def matrix_is_that_of(archive: ArchiveReader, screen: RunScreen, pilot: Pilot[str]) -> None:
    """Compare votes, and passes of each test, with the archive's matrix of the first task of the last step."""
    await pilot.press("3")
    app = screen.app
    await until(pilot, lambda: screen.query(MatrixPane) and screen.query_one("#matrix").query_one(MatrixView).size)
    await settled(app, pilot)  # type: ignore[arg-type]
    (first, *_) = archive.tasks(STEPS)
    record = archive.matrix(STEPS, first)
    assert record is not None
    shown = on_screen(app)
    assert f"step {STEPS}  {first}" in shown
    generated, truth = record.generated.passed, record.truth.passed
    votes = [int(found) for found in re.findall(rf"(\d+)/{generated.shape[1]}\b", shown)]
    assert votes[: len(generated)] == generated.sum(axis=1).tolist()
    passes = next(line for line in shown.splitlines() if line.startswith("pass "))
    both = [*truth.sum(axis=0).tolist(), *generated.sum(axis=0).tolist()]
    assert [int(number) for number in re.findall(r"\d+", passes)][: len(both)] == both
    cells = [re.findall("[■×]", line) for line in shown.splitlines() if re.match(r"p\d", line)]
    for program, line in enumerate(cells):
        assert [sign == "■" for sign in line] == [*truth[program], *generated[program]]
