"""Command line as a user runs it: as its own process, with settings and runs in throw-away folders."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

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

    def __call__(self, *arguments: str, timeout: float = 120, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return self._run(["-m", "cure_tui"], arguments, timeout, stdin)

    def scripted(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
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
