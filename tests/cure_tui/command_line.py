"""Command line as a user runs it: as its own process, with settings and runs in throw-away folders.

The process is a fork that has the imports already (`tests/forked.py`), except where `anew` starts Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests import forked

ROOT = Path(__file__).parents[2]
SCRIPTED = """\
import cure_tui.launch.process
from cure_tui.cli import main

cure_tui.launch.process.ENGINE_MODULE = "scripted_engine"
main()
"""


@dataclass(frozen=True)
class Cli:
    """Command line, with the real engine or the scripted one."""

    environment: dict[str, str]
    folder: Path

    @classmethod
    def below(cls, folder: Path) -> Cli:
        """Return a command line that works outside the checkout, whether the project is installed or not."""
        working = folder / "working"
        working.mkdir()
        environment = {
            **os.environ,
            "CURE_TUI_HOME": str(folder / "home"),
            "CURE_TUI_CONFIG": str(folder / "config"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)]),
            "OMP_NUM_THREADS": "1",
        }
        return cls(environment, working)

    def configure_endpoint(self, url: str, *settings: str) -> None:
        """Write an endpoints.toml with these lines for one address."""
        config = Path(self.environment["CURE_TUI_CONFIG"])
        config.mkdir(exist_ok=True)
        (config / "endpoints.toml").write_text("\n".join([f'[endpoint."{url}"]', *settings, ""]))

    def __call__(self, *arguments: str, timeout: float = 280, stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cure_tui", *arguments]
        return forked.run(command, self.environment, self.folder, stdin=stdin, timeout=timeout)

    def anew(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cure_tui", *arguments]
        return subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True)

    def scripted(self, *arguments: str, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-c", SCRIPTED, *arguments]
        return forked.run(command, self.environment, self.folder, timeout=timeout)

    def start_scripted(self, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", SCRIPTED, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
