"""Engine as a process of its own: start it, wait for it, forward signals to it.

The engine has its own session, so a lost terminal or a killed command line does not end the training. Its output goes
to the run's `engine.log`, its events go to the journal.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType, TracebackType

from engine.runs.faults import run_faults
from engine.runs.files import open_file
from engine.runs.folder import RunFolder

ENGINE_MODULE = "engine.train"
_LAST_BYTES = 1 << 20
_FORWARDED = (signal.SIGINT, signal.SIGTERM)


class EngineProcess:
    """A running engine. `log_start`: byte of engine.log at which its output begins."""

    def __init__(
        self,
        folder: RunFolder,
        new_limits: Sequence[str] = (),
        *,
        module: str = "",
        options: Sequence[str] = (),
    ) -> None:
        """Start the engine on a new or resumed `folder`, with `new_limits` such as "run.steps=9".

        module: of the process, by default the one that trains; options: further words for it. Raises RunError if
        engine.log cannot be written.
        """
        limits = (word for limit in new_limits for word in ("--set", limit))
        arguments = ["--run-dir", str(folder.path), *limits, *options]
        appended = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with run_faults(folder.path), open(open_file(folder.path, folder.log.name, appended), "ab") as log:
            self.log_start = log.seek(0, os.SEEK_END)
            self._process = subprocess.Popen(
                _python(module or ENGINE_MODULE, arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.folder = folder

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal; None while the engine runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> None:
        """Wait until the engine ends, for `seconds` at most."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def error_line(self) -> str:
        """Return the engine's last error in engine.log, else its last line, else "": for an end that has no event."""
        try:
            with open(open_file(self.folder.path, self.folder.log.name), "rb") as log:
                log.seek(max(self.log_start, log.seek(0, os.SEEK_END) - _LAST_BYTES))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return ""
        said = [line.strip() for line in lines if line.strip()]
        errors = [line.removeprefix("error: ") for line in said if line.startswith("error: ")]
        return (errors or said or [""])[-1]


@dataclass
class Interruption:
    """Context that counts Ctrl-C and SIGTERM instead of ending this process. `number`: the first signal."""

    count: int = 0
    number: int = 0

    def __enter__(self) -> Interruption:
        self._before = {number: signal.signal(number, self._note) for number in _FORWARDED}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        self.number = self.number or number


def run_tool(module: str, arguments: Sequence[str]) -> int:
    """Run a module of the engine in the foreground, where it prints its own errors; return its exit status."""
    return subprocess.run(_python(module or ENGINE_MODULE, arguments), stdin=subprocess.DEVNULL, check=False).returncode


def _python(module: str, arguments: Sequence[str]) -> list[str]:
    """Return the command. -P keeps a folder named `engine` in the working directory from being imported as ours."""
    return [sys.executable, "-P", "-m", module, *arguments]
