"""Wheel: built here and installed elsewhere, it finds its presets and assets and trains.

The libraries come from the environment that runs the tests; only cure-tui itself is installed, and the checkout is
out of reach.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.cure_tui.command_line import ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a fresh environment; return the path of its `cure-tui`."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    wheel = next(folder.glob("*.whl"))
    home = folder / "venv"
    venv.create(home, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python")]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", str(wheel)], check=True, capture_output=True)
    # A .pth of its own would be read, and an editable cure-tui found by it: only the libraries are borrowed.
    borrowed = folder / "libraries"
    borrowed.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("cure_tui", "engine", "_editable_impl")) and entry.suffix != ".pth":
            (borrowed / entry.name).symlink_to(entry)
    site = home / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    return home / "bin" / "cure-tui"


def run(command: Path, folder: Path, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"CURE_TUI_HOME": str(folder / "home"), "CURE_TUI_CONFIG": str(folder / "config")}
    return subprocess.run(
        [str(command), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def test_presets_travel_inside_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "presets", "show", "nano")
    assert done.returncode == 0, done.stderr
    assert 'source = "asset:nano"' in done.stdout
    assert str(ROOT) not in done.stderr


def test_nano_lacks_nothing_where_the_wheel_is_installed(installed: Path, tmp_path: Path) -> None:
    report = json.loads(run(installed, tmp_path, "doctor", "--json").stdout)
    nano = next(entry for entry in report["presets"] if entry["name"] == "nano")
    assert nano["missing"] == []


def test_a_step_of_training_works_outside_the_checkout(installed: Path, tmp_path: Path) -> None:
    fewer_tasks = ["--set", "evaluation.heldout_tasks=4", "--set", "evaluation.validation_tasks=2"]
    arguments = ["--preset", "nano", "--no-ui", "--steps", "1", "--json", *fewer_tasks]
    done = run(installed, tmp_path, *arguments, timeout=250)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["steps"] == 1
    assert result["heldout"]["end"]["n_tasks"] == 4
