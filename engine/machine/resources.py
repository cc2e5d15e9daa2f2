"""Where the files that travel with the package lie: presets, the embedded model, its tasks.

In a checkout they are the top-level folders `presets/` and `assets/`; in a wheel they lie in `engine/_data/`.
Both are found through importlib.resources, so the working directory never matters.

A preset names its files by *source*:
    asset:nano/tasks/rl.jsonl     a file or folder of `assets/`
    data:mbpp/test.json           a file of `data/` in the user's data folder, where fetched problem sets go
    ./problems.json               anything else: a path
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from engine.errors import DataError, EnvironmentError_
from engine.machine.home import home

ASSET_SCHEME = "asset:"
DATA_SCHEME = "data:"


def preset_files() -> dict[str, Path]:
    """The built-in presets, by name, in alphabetical order."""
    return {path.stem: path for path in sorted((_root() / "presets").glob("*.toml"))}


def asset_path(name: str) -> Path:
    """The file or folder `name` of `assets/`. Raises EnvironmentError_ where the installation lacks it."""
    assets = _root() / "assets"
    path = assets / name
    if not path.resolve().is_relative_to(assets.resolve()):
        raise DataError(f"asset '{name}' lies outside the assets", "name a file below assets/, without '..'")
    if not path.exists():
        raise EnvironmentError_(
            f"this installation has no asset '{name}'", "reinstall cure-tui, or name a folder of yours"
        )
    return path


def source_path(source: str) -> Path:
    """The path that `source` names; see above. Assets must exist, other files may yet have to be made."""
    if source.startswith(ASSET_SCHEME):
        return asset_path(source.removeprefix(ASSET_SCHEME))
    if source.startswith(DATA_SCHEME):
        return home() / "data" / source.removeprefix(DATA_SCHEME)
    return Path(source).expanduser()


def _root() -> Path:
    """The folder with presets/ and assets/. Wheels are unpacked on install, so resources are plain paths."""
    package = Path(str(resources.files("engine")))
    packaged = package / "_data"
    return packaged if packaged.is_dir() else package.parent
