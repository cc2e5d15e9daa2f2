"""Client of `python -m engine.solve`: start the process and read its events. Only that process loads models."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from types import TracebackType

from engine.errors import CureError, RunError
from engine.solve.events import Event
from engine.solve.request import SolveRequest


class SolveFault(CureError):
    """Failure of the solving process, with its message, remedy and exit status."""

    def __init__(self, event: Event) -> None:
        super().__init__(event["message"], event["remedy"])
        self.exit_status = event["status"]


class SolveProcess:
    """Process that solves one request. The first Ctrl-C makes it conclude with what it has, the second kills it."""

    def __init__(self, request: SolveRequest) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.solve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._interrupts = 0
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request.to_json())
            self._process.stdin.close()
        except BrokenPipeError:
            pass  # the process died at once; `events` raises its error

    def __enter__(self) -> SolveProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        signal.signal(signal.SIGINT, self._before)
        self._log.close()

    def events(self) -> Iterator[Event]:
        """Yield events until the process ends. Raises RunError if it ends without a solution or a fault."""
        assert self._process.stdout is not None
        concluded = False
        for line in self._process.stdout:
            event: Event = json.loads(line)
            concluded = event["event"] in ("solution", "fault")
            yield event
        status = self._process.wait()
        if not concluded:
            raise RunError(f"solving ended with status {status}: {self._last_line()}", "report this with the problem")

    def conclude(self) -> bool:
        """Make the process conclude with what it has; a second call kills it. Returns True for the first call."""
        self._interrupts += 1
        self._process.send_signal(signal.SIGINT if self._interrupts == 1 else signal.SIGKILL)
        return self._interrupts == 1

    def _interrupt(self, number: int, frame: object) -> None:
        """Forward Ctrl-C: the process has its own session, or the terminal would interrupt it while it concludes."""
        self.conclude()

    def _last_line(self) -> str:
        self._log.seek(0)
        lines = [line for line in self._log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else "no error message"
