"""Client of `python -m engine.solve`: start the process and read its events. Only that process loads models."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import NoReturn

from cure_tui.exit_codes import INTERRUPTED
from engine.errors import CureError, RunError
from engine.solve.events import Event
from engine.solve.request import SolveRequest


class SolveFault(CureError):
    """Failure of the solving process, with its message, remedy and exit status."""

    def __init__(self, event: Event) -> None:
        super().__init__(event["message"], event["remedy"])
        self.exit_status = event["status"]


class Interrupted(CureError):
    """End of the solving process by Ctrl-C before it had a result."""

    exit_status = INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted before the first result")


class SolveProcess:
    """Process that solves one request. The first Ctrl-C makes it conclude with what it has, the second kills it.

    It is killed as well when SIGTERM or SIGHUP ends this process.
    """

    def __init__(self, request: SolveRequest) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.solve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        self._interrupts = 0
        self._before = {signal.SIGINT: signal.signal(signal.SIGINT, self._interrupt)}
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` ignores it
                self._before[number] = signal.signal(number, self._end)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request.to_json().encode())
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
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._log.close()

    @property
    def finishing(self) -> bool:
        """Return whether the process was told to conclude."""
        return self._interrupts > 0

    def events(self) -> Iterator[Event]:
        """Yield events until the process ends. Raises as `batches` does."""
        for batch in self.batches(None):
            yield from batch

    def batches(self, seconds: float | None) -> Iterator[list[Event]]:
        """Yield the events that have arrived, and an empty list after each `seconds` without any, until the end.

        Raises RunError if the process ends without a solution or a fault, Interrupted if that was the user's wish.
        """
        assert self._process.stdout is not None
        concluded = False
        for batch in batches_of(self._process.stdout.fileno(), seconds):
            concluded = concludes(batch, concluded)
            yield batch
        status = self._process.wait()
        if concluded:
            return
        if self.finishing:
            raise Interrupted
        raise RunError(f"solving ended with status {status}: {self._last_line()}", "report this with the problem")

    def conclude(self) -> bool:
        """Make the process conclude with what it has; a second call kills it. Returns True for the first call."""
        self._interrupts += 1
        self._process.send_signal(signal.SIGINT if self._interrupts == 1 else signal.SIGKILL)
        return self._interrupts == 1

    def _interrupt(self, number: int, frame: object) -> None:
        """Forward Ctrl-C: the process has its own session, or the terminal would interrupt it while it concludes."""
        self.conclude()

    def _end(self, number: int, frame: object) -> NoReturn:
        """Kill the process, which ends a thread that waits for its events, and exit."""
        self._process.kill()
        sys.exit(128 + number)

    def _last_line(self) -> str:
        self._log.seek(0)
        lines = [line for line in self._log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        return lines[-1] if lines else "no error message"


def batches_of(descriptor: int, seconds: float | None) -> Iterator[list[Event]]:
    """Yield the events that arrive at a pipe or socket until its end, and [] after each `seconds` without any."""
    unfinished = b""
    while True:
        if not select.select([descriptor], [], [], seconds)[0]:
            yield []
            continue
        data = os.read(descriptor, 1 << 16)
        if not data:
            return
        *lines, unfinished = (unfinished + data).split(b"\n")
        if lines:
            yield [json.loads(line) for line in lines]


def concludes(batch: Sequence[Event], before: bool) -> bool:
    """Tell whether the last event so far is a result; an empty batch leaves it as it was `before`."""
    return batch[-1]["event"] in ("solution", "fault") if batch else before
