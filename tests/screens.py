"""Screenshots of the README, drawn from a real run: `python tests/screens.py [RUN|DIR]` (default: the newest run).

A live run is shown with its wall of rollouts; the views are the dashboard's own, driven by its keys.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cure_tui.dashboard.app import CureApp  # noqa: E402
from cure_tui.dashboard.screen_picture import screen_svg  # noqa: E402
from engine.runs.listing import find_run, list_runs  # noqa: E402

SIZE = (132, 42)
VIEWS = {"overview": ("1",), "matrix": ("3",), "curves": ("4", "s"), "rollouts": ("2",)}
_READ_SECONDS, _DRAW_SECONDS = 3.0, 1.5


async def draw(run: Path, folder: Path) -> None:
    app = CureApp(run)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(_READ_SECONDS)
        for name, keys in VIEWS.items():
            await pilot.press(*keys)
            await pilot.pause(_DRAW_SECONDS)
            (folder / f"{name}.svg").write_text(screen_svg(app))
            print(folder / f"{name}.svg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?")
    parser.add_argument("--out", type=Path, default=ROOT / "assets" / "screenshots")
    arguments = parser.parse_args()
    run = find_run(arguments.run) if arguments.run else next(iter(list_runs()), None)
    if run is None:
        sys.exit("there is no run to draw: start one with cure-tui --preset nano --no-ui")
    arguments.out.mkdir(parents=True, exist_ok=True)
    asyncio.run(draw(run.path, arguments.out))


if __name__ == "__main__":
    main()
