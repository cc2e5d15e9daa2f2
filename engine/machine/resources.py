"""Files that are shipped with the package: presets, the embedded model, its tasks.

In a checkout they are the top-level folders `presets/` and `assets/`; in a wheel they are in `engine/_data/`.
Both are found through importlib.resources, so the working directory does not matter.

A preset names its files by *source*:
    asset:nano/tasks/rl.jsonl     a file or folder of `assets/`
    data:mbpp/test.jsonl          a file of `data/` in the user's data folder, where fetched problem sets go
    ./problems.json               anything else: a path
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from engine.errors import DataError, EnvironmentError_
from engine.machine.home import home
from engine.machine.regular_files import user_path

ASSET_SCHEME = "asset:"
DATA_SCHEME = "data:"
WORKED_TURNS = f"{ASSET_SCHEME}prompts/shots.toml"
"""Source of the worked turns of `model.prompt_style = "shots"` where the settings name none."""


def preset_files() -> dict[str, Path]:
    """Return the files of the built-in presets by name, in alphabetical order."""
    return {path.stem: path for path in sorted((_root() / "presets").glob("*.toml"))}


def asset_path(name: str) -> Path:
    """Return the path of `name` in `assets/`. Raises EnvironmentError_ if the installation lacks it."""
    assets = _root() / "assets"
    path = assets / name
    if not path.resolve().is_relative_to(assets.resolve()):
        raise DataError(f"asset '{name}' lies outside the assets", "name a file below assets/, without '..'")
    if not path.exists():
        raise EnvironmentError_(
            f"this installation has no asset '{name}'", "reinstall cure-tui, or name a folder of your own"
        )
    return path


def source_path(source: str) -> Path:
    """Return the path that `source` names (see above). An asset must exist, other files need not exist yet."""
    if source.startswith(ASSET_SCHEME):
        return asset_path(source.removeprefix(ASSET_SCHEME))
    if source.startswith(DATA_SCHEME):
        return home() / "data" / source.removeprefix(DATA_SCHEME)
    return user_path(source)


def _root() -> Path:
    """Return the folder with presets/ and assets/. Wheels are unpacked on install, so resources are plain paths."""
    package = Path(str(resources.files("engine")))
    packaged = package / "_data"
    return packaged if packaged.is_dir() else package.parent
