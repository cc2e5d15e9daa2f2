"""Runs the command line as a user does: as its own process, with settings and runs in throw-away folders."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPTED = """\
import cure_tui.engine_process
from cure_tui.cli import main

cure_tui.engine_process.ENGINE_MODULE = "scripted_engine"
main()
"""


@dataclass(frozen=True)
class Cli:
    """The command line, and the same with the scripted engine in the place of the real one."""

    environment: dict[str, str]
    folder: Path

    def __call__(self, *arguments: str, timeout: float = 60, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self._run(["-m", "cure_tui"], arguments, timeout, stdin)

    def scripted(self, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return self._run(["-P", "-c", SCRIPTED], arguments, timeout)

    def start_scripted(self, *arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", SCRIPTED, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )

    def _run(
        self, how: list[str], arguments: tuple[str, ...], timeout: float, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *how, *arguments],
            cwd=self.folder,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
