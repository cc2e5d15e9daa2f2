"""Focus: the widget that takes the keys looks different and keeps all its rows."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets import Input, Tabs

from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.ask import AskScreen
from cure_tui.dashboard.compare.screen import CompareScreen
from cure_tui.dashboard.curves.grid import ChartBox
from cure_tui.dashboard.home.screen import HomeScreen
from cure_tui.dashboard.matrix.cell_screen import CellScreen
from cure_tui.dashboard.pane import Pane
from cure_tui.dashboard.rollouts.screen import RolloutScreen
from cure_tui.drawing.palette import DEFAULT_THEME, THEMES
from cure_tui.solving.full import SolveApp
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.dashboard.driving import opened, running, settled, terminal, until
from tests.cure_tui.recorded import record_run
from tests.cure_tui.solving.test_solve_full_view import READY, Told, head, problem, solution

LOW, MIDDLE = (80, 24), (120, 40)
LOOKS = [*((theme, LOW, False) for theme in THEMES), (DEFAULT_THEME, MIDDLE, False), (DEFAULT_THEME, LOW, True)]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[RunFolder]:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path / "home"))
    folders = []
    for name in ("nano-20261125-1200-abc", "nano-20261125-1300-def"):
        folders.append(RunFolder.create(tmp_path / "home" / "runs" / name, dump_toml(load_preset("nano"))))
        record_run(folders[-1], 3)
    return folders


def drawn(widget: Widget) -> list[str]:
    """Return the terminal's cells where the widget is, colours included."""
    place = widget.region
    strips = terminal(widget.app)[place.y : place.bottom]
    return [repr(list(strip.crop(place.x, place.right))) for strip in strips]


async def look_at_each(app: App[object], pilot: Pilot[object], where: str) -> list[str]:
    """Focus every widget that can take the focus, of the charts the first two; return their names."""
    seen = []
    chain = list(app.screen.focus_chain)
    only = [widget for widget in chain if not isinstance(widget, Tabs)]
    charts = [widget for widget in chain if isinstance(widget, ChartBox)]  # dozens, which differ in their lines alone
    for widget in (widget for widget in chain if widget not in charts[2:]):
        app.screen.set_focus(None)
        await pilot.pause()
        before, size = drawn(widget), widget.content_size
        app.screen.set_focus(widget)
        await pilot.pause()
        name = f"{where}: {widget.css_identifier_styled.plain} with {app.theme} in {app.size}"
        assert widget.has_focus, name
        if widget.size:
            assert widget.content_size == size, f"{name} had {size} cells, and {widget.content_size} with the focus"
        assert widget.content_size.width > 0, name
        assert widget.content_size.height > 0, name
        # A whole view, or the only one that keys can go to, needs no sign of the focus.
        if only != [widget] and not isinstance(widget, Pane):
            assert drawn(widget) != before, f"{name}: the focus is not seen"
        seen.append(type(widget).__name__)
    return seen


@pytest.mark.parametrize(("theme", "size", "ascii_only"), LOOKS)
async def test_the_focus_is_seen_and_hides_nothing(
    runs: list[RunFolder], theme: str, size: tuple[int, int], ascii_only: bool
) -> None:
    seen: list[str] = []
    app = CureApp(runs[0].path, ascii_only=ascii_only)
    async with running(app, size) as pilot:
        app.theme = theme
        screen = await opened(app, pilot)
        for key in "123456":
            await pilot.press(key)
            await settled(app, pilot)
            seen.extend(await look_at_each(app, pilot, f"view {key}"))
        await pilot.press("2", "enter")
        await until(pilot, lambda: isinstance(app.screen, RolloutScreen))
        seen.extend(await look_at_each(app, pilot, "rollout"))
        await pilot.press("escape", "3", "enter")
        await until(pilot, lambda: isinstance(app.screen, CellScreen))
        seen.extend(await look_at_each(app, pilot, "cell"))
        await pilot.press("escape", "4", "c")
        await until(pilot, lambda: isinstance(app.screen, AskScreen))
        seen.extend(await look_at_each(app, pilot, "question"))
        await pilot.press("escape")
        app.push_screen(CompareScreen([folder.path for folder in runs]))
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))
        for key in "12":
            await pilot.press(key)
            await settled(app, pilot)
            seen.extend(await look_at_each(app, pilot, "comparison"))
        app.pop_screen()
        app.pop_screen()
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.query_one("#runs").display)
        app.screen.query_one("#filter", Input).display = True
        await pilot.pause()
        seen.extend(await look_at_each(app, pilot, "home"))
        assert screen.path == runs[0].path
    assert {
        "Input", "RolloutList", "MatrixView", "ChartBox", "PageView", "VerticalScroll", "OptionList", "PresetList",
        "RunTable",
    } <= set(seen)  # fmt: skip


@pytest.mark.parametrize(("theme", "size", "ascii_only"), LOOKS)
async def test_the_focus_is_seen_in_the_full_view_of_solve(theme: str, size: tuple[int, int], ascii_only: bool) -> None:
    app = SolveApp(Told(READY, *problem(), solution()), ["p.md"], ascii_only=ascii_only)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        app.theme = theme
        await until(pilot, lambda: "weak: passes" in head(app))
        await pilot.pause()
        assert set(await look_at_each(app, pilot, "solve")) == {"MatrixView", "VerticalScroll"}
