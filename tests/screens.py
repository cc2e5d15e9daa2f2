"""Screenshots of the README, drawn from a real run: `python tests/screens.py [RUN|DIR]` (default: the newest run).

A live run is shown with its wall of rollouts; the views are the dashboard's own, driven by its keys. `--step` and
`--task` choose the pass matrix.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cure_tui.dashboard.app import CureApp  # noqa: E402
from cure_tui.dashboard.run.screen import RunScreen  # noqa: E402
from cure_tui.dashboard.screen_picture import screen_svg  # noqa: E402
from engine.runs.listing import find_run, list_runs  # noqa: E402

SIZE = (146, 36)
VIEWS = {"overview": "1", "matrix": "3", "curves": "4", "rollouts": "2"}
_WITH_TASKS = ("overview", "matrix")
_READ_SECONDS, _DRAW_SECONDS = 3.0, 1.5


async def draw(run: Path, folder: Path, step: int | None, task: int) -> None:
    app = CureApp(run)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(_READ_SECONDS)
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen.chosen_step = step
        for name, key in VIEWS.items():
            await pilot.press(key)
            await pilot.pause(_DRAW_SECONDS)
            await pilot.press(*["full_stop"] * (task - 1 if name in _WITH_TASKS else 0))
            await pilot.pause(_DRAW_SECONDS)
            (folder / f"{name}.svg").write_text(screen_svg(app))
            print(folder / f"{name}.svg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "screenshots")
    parser.add_argument("--step", type=int, help="step to show (default: the newest)")
    parser.add_argument("--task", type=int, default=1, help="task of the step whose matrix is shown (default: 1)")
    arguments = parser.parse_args()
    run = find_run(arguments.run) if arguments.run else next(iter(list_runs()), None)
    if run is None:
        sys.exit("there is no run to draw: start one with cure-tui --preset nano --no-ui")
    arguments.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(run.path, arguments.out, arguments.step, arguments.task))


if __name__ == "__main__":
    main()
