"""Handle of one cell on the trusted side: starts its process, sends requests, reads results."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from types import TracebackType

from engine.sandbox import launch
from engine.sandbox.confined import wire
from engine.sandbox.confined.zygote import READY
from engine.sandbox.launch import PLAIN, Confinement, Setup
from engine.sandbox.limits import Limits
from engine.sandbox.memory_guard import kill_oversized

START_SECONDS = 20.0
_SLACK_SECONDS = 10.0
_WATCH_SECONDS = 0.1  # a program that fills memory gains some 100 MB in this time


class CellLost(Exception):
    """The cell died or hung. The text is the last line of its log; `partial` holds the finished executions."""

    def __init__(self, message: str, partial: wire.Results) -> None:
        super().__init__(message)
        self.partial = partial


class Cell:
    """One confined zygote, for use by the thread that made it.

    That thread must outlive the cell: the kernel kills the cell when the thread ends. Other threads may call only
    `interrupt`.
    """

    def __init__(self, limits: Limits, confinement: Confinement, setup: Setup = PLAIN) -> None:
        """Start the process and wait until it is confined. Raises CellLost with the reason."""
        self._closing = threading.Lock()
        self._closed = False
        self._memory_kb = limits.memory_mb << 10
        settings, arguments = launch.settings(limits, confinement, setup), launch.command(confinement, setup)
        with contextlib.ExitStack() as opened:
            self._log = os.memfd_create("cell-log")
            opened.callback(os.close, self._log)
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            opened.enter_context(self._control)
            with theirs:
                try:
                    # No preexec_fn: subprocess then uses vfork, which copies no page tables of a parent with a model.
                    self._process = subprocess.Popen(
                        arguments,
                        stdin=theirs.fileno(),
                        stdout=subprocess.DEVNULL,
                        stderr=self._log,
                        env=launch.environment(setup.hash_seed),
                        cwd="/",
                        start_new_session=True,
                    )
                except OSError as error:
                    raise CellLost(f"cannot start {arguments[0]}: {error}", wire.Results(None, b"", ())) from error
            opened.pop_all()
        self._begin(settings)

    def _begin(self, settings: wire.Settings) -> None:
        """Send the settings and wait until the zygote is confined; close the cell unless that succeeds."""
        with contextlib.ExitStack() as failing:
            failing.callback(self.close)
            with contextlib.suppress(ConnectionError):  # a process that has already ended: its log says why
                self._control.send(settings.to_bytes())
            if self._receive(START_SECONDS) != READY:
                raise CellLost(self._read_log() or "it did not start", wire.Results(None, b"", ()))
            failing.pop_all()

    @property
    def pid(self) -> int:
        """Id of the started process: bubblewrap, or the zygote itself."""
        return self._process.pid

    def execute(self, source: bytes, inputs: Sequence[bytes], limits: Limits, strikes: int = 0) -> wire.Results:
        """Run one program on each of `inputs`. Raises CellLost and closes the cell unless all results arrive.

        `limits` may differ only in its times from those that the cell was started with. Blocks until the results stop
        coming for longer than one execution may take.
        """
        with contextlib.ExitStack() as opened:
            payload = os.memfd_create("payload")
            opened.callback(os.close, payload)
            results = os.memfd_create("results")
            opened.callback(os.close, results)
            for part in (source, *inputs):
                _write_all(payload, part)
            lengths = tuple(map(len, inputs))
            request = wire.Request(len(source), lengths, strikes, limits.time, limits.sticky_time)
            try:
                socket.send_fds(self._control, [request.to_bytes()], [payload, results])
                reply = self._wait_for_reply(results, limits)
            except OSError:
                reply = b""
            return self._read_results(reply, results, len(inputs))

    def _wait_for_reply(self, results: int, limits: Limits) -> bytes:
        """Receive the reply, and meanwhile end programs over the memory limit; empty when the cell is dead or hangs."""
        patience = _SLACK_SECONDS + limits.time.wall + (limits.compile_seconds + limits.time.cpu) / wire.BUSY_SHARE
        arrived, since = 0, time.monotonic()
        while time.monotonic() - since < patience:
            if self._readable(_WATCH_SECONDS):
                return self._receive(0)
            kill_oversized(self.pid, self._memory_kb)
            if os.fstat(results).st_size > arrived:
                arrived, since = os.fstat(results).st_size, time.monotonic()
        return b""

    def _read_results(self, reply: bytes, results: int, count: int) -> wire.Results:
        content = os.pread(results, os.fstat(results).st_size, 0)
        try:
            found = wire.unpack_results(content)
            host_status = int(reply) if reply else None
        except (wire.Garbled, ValueError) as error:
            return self._lose(f"garbled answer: {error}", wire.Results(None, b"", ()))
        numbers = [record.number for record in found.records]
        if numbers != list(range(len(numbers))) or len(numbers) > count:
            return self._lose("garbled answer: records out of order", wire.Results(None, b"", ()))
        if host_status is None:
            return self._lose(self._read_log() or "it ended without an error message", found)
        if found.compiled is None and os.WIFSIGNALED(host_status):
            signal_number = os.WTERMSIG(host_status)
            return wire.Results(False, f"the compiler was killed by signal {signal_number}".encode(), ())
        if found.compiled is not False and len(numbers) < count:
            return self._lose(self._read_log() or f"its host ended with wait status {host_status}", found)
        return found

    def _lose(self, message: str, partial: wire.Results) -> wire.Results:
        self.close()
        raise CellLost(message, partial)

    def _receive(self, seconds: float) -> bytes:
        """Receive one datagram; empty when the cell is dead or sends nothing for `seconds`."""
        try:
            return self._control.recv(4096) if self._readable(seconds) else b""
        except OSError:
            return b""

    def _readable(self, seconds: float) -> bool:
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        return bool(poller.poll(1000 * seconds))

    def _read_log(self) -> str:
        size = os.fstat(self._log).st_size
        tail = os.pread(self._log, 2000, max(0, size - 2000)).decode(errors="replace").strip()
        return tail.rpartition("\n")[2]

    def interrupt(self) -> None:
        """Make a blocked `execute` return at once by shutting down the socket. Safe from any thread."""
        with self._closing, contextlib.suppress(OSError):
            if not self._closed:
                self._control.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the cell and every process in it. May be called repeatedly."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            try:
                self._control.close()
            finally:
                os.close(self._log)
        try:
            self._process.wait(timeout=1.0)  # the zygote exits when its socket closes
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Cell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write_all(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]
