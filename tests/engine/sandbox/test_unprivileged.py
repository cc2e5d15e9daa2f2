"""The sandbox's whole test suite and the doctor, run as an unprivileged user.

The user owns nothing and may not be able to read the checkout, its environment or even the interpreter: all three
are copied to where it can, with the few libraries that these tests import.
"""

from __future__ import annotations

import importlib.metadata as metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sandbox import sandbox_level

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534
LIBRARIES = ("hypothesis", "numpy", "nvidia-ml-py", "platformdirs", "psutil", "pydantic", "pytest", "pytest-timeout")
LIBRARIES += ("pytest-asyncio", "rich", "typer")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0, reason="the suite runs as an unprivileged user already"),
    pytest.mark.timeout(600),
]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Make the user's folder: `python`, `site` with the libraries, `checkout` with the project."""
    with tempfile.TemporaryDirectory(prefix="unprivileged-") as name:
        folder = Path(name)
        copy_interpreter(folder / "python")
        copy_distributions(LIBRARIES, folder / "site")
        for part in ("engine", "cure_tui", "presets", "assets", "tests/engine/sandbox", "pyproject.toml"):
            source, target = ROOT / part, folder / "checkout" / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, target)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", name], check=True)
        yield folder


def copy_interpreter(target: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    prefix = Path(os.path.realpath(sys.base_prefix))
    leave_out = shutil.ignore_patterns("__pycache__", "site-packages", "dist-packages", "test", "idlelib", "config-*")
    shutil.copytree(Path(os.path.realpath(os.__file__)).parent, target / "lib" / version, ignore=leave_out)
    for library in (prefix / "lib").glob("libpython*.so*"):
        shutil.copy(library, target / "lib")
    (target / "bin").mkdir()
    shutil.copy(os.path.realpath(getattr(sys, "_base_executable", sys.executable)), target / "bin" / version)
    (target / "bin" / "python").symlink_to(version)


def copy_distributions(names: tuple[str, ...], target: Path) -> None:
    """Copy installed distributions with all their requirements."""
    wanted, seen = list(names), set()
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue  # required on other systems only
        requirements = [line for line in found.requires or () if "extra ==" not in line]
        wanted += [re.split(r"[^A-Za-z0-9._-]", line)[0] for line in requirements]
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            if ".." not in file.parts and source.suffix != ".pyc" and source.is_file():
                copy = target / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, copy)


def run_as_nobody(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"HOME": str(home), "TMPDIR": str(home), "PATH": os.environ["PATH"]}
    environment |= {"PYTHONPATH": str(home / "site"), "LD_LIBRARY_PATH": str(home / "python" / "lib")}
    return subprocess.run(
        [str(home / "python" / "bin" / "python"), "-B", *arguments],
        cwd=home / "checkout",
        env=environment,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )


def test_the_suite_of_the_sandbox_passes_as_an_unprivileged_user(home: Path) -> None:
    done = run_as_nobody(home, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "tests/engine/sandbox")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert int(re.search(r"(\d+) passed", done.stdout).group(1)) > 300  # type: ignore[union-attr]


def test_the_doctor_tells_an_unprivileged_user_which_level_it_gets(home: Path) -> None:
    done = run_as_nobody(home, "-m", "cure_tui", "doctor", "--json")
    assert done.returncode in (0, 5), done.stderr
    told = json.loads(done.stdout)["sandbox"]
    really = "from engine.sandbox import sandbox_level as s; print(s().letter)"
    assert told["level"] == run_as_nobody(home, "-c", really).stdout.strip()
    if told["level"] != "A":
        assert told["reasons"]
        assert told["remedy"]


def test_the_doctor_tells_root_which_level_it_gets() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cure_tui", "doctor", "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert json.loads(done.stdout)["sandbox"]["level"] == sandbox_level().letter
