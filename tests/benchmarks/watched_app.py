"""Dashboard with a stopwatch inside: run it in a terminal; it quits by itself and writes its figures as JSON.

    python tests/benchmarks/watched_app.py lags  RUN REPORT SECONDS [VIEW]
    python tests/benchmarks/watched_app.py jumps RUN REPORT COUNT
    python tests/benchmarks/watched_app.py hello
    python tests/benchmarks/watched_app.py timer REPORT SECONDS

lags    delay of each tick of a 60 Hz timer in the application's own event loop, once the picture is complete: as long
        as that a key or a frame may wait. CPU time of the process over the same period.
jumps   opening: from the request for the run's screen to the frame that shows the whole journal. Then random steps:
        from the choice to the end of the frame in which header, matrix and all four charts show that step.
hello   no dashboard: the smallest application of the same toolkit, to compare a first frame with.
timer   no application: the delays of that timer in an otherwise idle process.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT)]

HELLO = "hello, terminal"
TICK = 1 / 60
PAUSE = 0.3


def say_hello() -> None:
    from textual.app import App, ComposeResult
    from textual.widgets import Static

    class Hello(App[None]):
        def compose(self) -> ComposeResult:
            yield Static(HELLO)

    Hello().run()


def watch(path: Path, report: Path, study: Callable[..., object], *arguments: object) -> None:
    """Run the dashboard on `path` while `study` measures it."""
    from cure_tui.dashboard.app import CureApp

    class WatchedApp(CureApp):
        def on_mount(self) -> None:  # beside CureApp's own, which Textual calls as well
            self.run_worker(self._study())

        async def _study(self) -> None:
            report.write_text(json.dumps(await study(self, *arguments)))  # type: ignore[misc]
            self.exit("")

    WatchedApp(path if study is lags else None).run()


async def lags(app, seconds: float, view: str) -> dict[str, object]:  # type: ignore[no-untyped-def]
    await _until(lambda: _complete(app))
    app.screen.action_view(view)
    await asyncio.sleep(1.0)
    pictures = _count_calls(app.screen, "_bring")
    seen = await timer(seconds)
    return {**seen, "pictures": len(pictures)}


async def timer(seconds: float) -> dict[str, object]:
    """Return the delay of each tick and the CPU seconds of the process meanwhile."""
    loop = asyncio.get_running_loop()
    late: list[float] = []
    cpu, began = time.process_time(), loop.time()
    while (now := loop.time()) < began + seconds:
        await asyncio.sleep(TICK)
        late.append(max(0.0, loop.time() - now - TICK))
    return {"lags": late, "seconds": loop.time() - began, "cpu_seconds": time.process_time() - cpu}


async def jumps(app, path: Path, count: int) -> dict[str, object]:  # type: ignore[no-untyped-def]
    from live_run import ARCHIVED

    await asyncio.sleep(1.0)  # the home screen is done with its own work
    opened = _Stopwatch()
    app.watch_run(path)
    await _until(lambda: _complete(app), 0.002)
    await _frame(app)
    opening = opened.milliseconds()
    await asyncio.sleep(1.0)
    screen = app.screen
    chance = random.Random(0)
    newest = screen.newest.state.step
    taken = []
    for _ in range(count):
        step = chance.randrange(max(1, newest - ARCHIVED + 1), newest)
        watch = _Stopwatch()
        screen.chosen_step = step
        while True:
            await _frame(app)
            if _shows(screen, step):
                break
        taken.append(watch.milliseconds())
        await asyncio.sleep(PAUSE)
    return {"opening": opening, "jumps": taken}


def _count_calls(owner: object, name: str) -> list[None]:
    """Return a list that grows by one with every call of the method."""
    calls: list[None] = []
    method = getattr(owner, name)

    def counted() -> None:
        calls.append(None)
        method()

    setattr(owner, name, counted)
    return calls


class _Stopwatch:
    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def milliseconds(self) -> tuple[float, float]:
        """Return milliseconds of CPU time and of wall time since the start."""
        return (time.process_time() - self._cpu) * 1e3, (time.perf_counter() - self._wall) * 1e3


def _complete(app) -> bool:  # type: ignore[no-untyped-def]
    """Tell whether the whole journal is read and on the screen."""
    from cure_tui.dashboard.run.screen import RunScreen

    screen = app.screen
    if not isinstance(screen, RunScreen) or screen.newest.loading or not screen.newest.state.step:
        return False
    return _shows(screen, screen.newest.state.step)


def _shows(screen, step: int) -> bool:  # type: ignore[no-untyped-def]
    from cure_tui.dashboard.curves.chart import ChartView
    from cure_tui.dashboard.rows import RowsView
    from cure_tui.dashboard.run.overview import OverviewPane

    overview = screen.query_one(OverviewPane)
    header = screen.query_one("#header", RowsView).text
    title = overview.query_one("#matrix-title", RowsView).text
    pages_turned = all(chart.is_settled for chart in overview.query(ChartView))
    chosen = screen.chosen_step
    return f"step {step}" in header and f"step {step} " in title and pages_turned and chosen in (None, step)


async def _frame(app) -> None:  # type: ignore[no-untyped-def]
    """Wait for the frame after all pending refreshes."""
    drawn = asyncio.Event()
    app.screen.call_after_refresh(drawn.set)
    await drawn.wait()


async def _until(condition: Callable[[], bool], pause: float = 0.01) -> None:
    while not condition():
        await asyncio.sleep(pause)


def main() -> None:
    what, *arguments = sys.argv[1:]
    if what == "hello":
        say_hello()
    elif what == "timer":
        report, seconds = arguments
        Path(report).write_text(json.dumps(asyncio.run(timer(float(seconds)))))
    elif what == "lags":
        run, report, seconds, *view = arguments
        watch(Path(run), Path(report), lags, float(seconds), view[0] if view else "overview")
    else:
        run, report, count = arguments
        watch(Path(run), Path(report), jumps, Path(run), int(count))


if __name__ == "__main__":
    main()
