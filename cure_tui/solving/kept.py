"""Client of a kept process: solve with the models that it holds, start one, list and end them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from cure_tui.solving.client import Interrupted, SolveProcess, batches_of, concludes
from engine.errors import ConfigError, EnvironmentError_, RunError
from engine.runs.lock import lock_holder
from engine.solve.events import Event
from engine.solve.kept.identity import absolute_spec, identity_of, name_of
from engine.solve.kept.place import Place, connect, own_folder, peer, place_of, places
from engine.solve.request import SolveRequest
from engine.solve.writers.spec import WriterSpec, parse_spec

_ANSWER_SECONDS = 5.0
_END_SECONDS = 5.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class KeptInfo:
    """Kept process as it describes itself. memory_mb: of it and the processes that it has started."""

    pid: int
    models: tuple[str, ...]
    busy: bool
    left_seconds: float
    memory_mb: int

    @property
    def name(self) -> str:
        return f"pid {self.pid}: {', '.join(self.models) or 'loading'}"

    def __str__(self) -> str:
        left = "busy" if self.busy else f"{self.left_seconds / 60:.0f} min left"
        if not self.busy and self.left_seconds < 120:
            left = f"{self.left_seconds:.0f} s left"
        return f"{self.name}, {self.memory_mb} MB, {left}"


class _Unusable(Exception):
    """Reason, in words, why the process at a place cannot be used. stays: it is busy and keeps its place meanwhile."""

    def __init__(self, reason: str, stays: bool = False) -> None:
        super().__init__(reason)
        self.stays = stays


class KeptSolve(SolveProcess):
    """Solve in a kept process. The first Ctrl-C makes it conclude with what it has, the second leaves it."""

    def __init__(self, connection: socket.socket, first: Event, log: Path) -> None:
        self._connection, self._first, self._kept_log = connection, first, log
        self._interrupts = 0
        self._has_loaded = self._has_left = False
        self._before = {signal.SIGINT: signal.signal(signal.SIGINT, self._interrupt)}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before[signal.SIGINT])
        self._leave()
        self._connection.close()

    def batches(self, seconds: float | None) -> Iterator[list[Event]]:
        if self._first["event"] == "waiting":
            pid = self._first["pid"]
            yield [{"event": "warning", "text": f"the kept model is busy with the solve of pid {pid}: waiting for it"}]
        concluded = False
        with contextlib.suppress(OSError):
            for batch in batches_of(self._connection.fileno(), seconds):
                self._has_loaded = self._has_loaded or any(event["event"] == "ready" for event in batch)
                concluded = concludes(batch, concluded)
                yield batch
        if self._has_left and not concluded:
            raise Interrupted
        if not concluded:
            said = _last_line(self._kept_log) or "it was ended"
            raise RunError(f"the kept process is gone: {said}", "solve again: the model is loaded anew")

    def conclude(self) -> bool:
        """Make the process conclude; a second call, or one while it loads, leaves it to itself."""
        self._interrupts += 1
        if self._interrupts == 1 and self._has_loaded:
            with contextlib.suppress(OSError):
                self._connection.sendall(b'{"conclude": true}\n')
        else:
            self._leave()
        return self._interrupts == 1

    def _leave(self) -> None:
        self._has_left = True
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)


def keep_seconds(text: str) -> float:
    """Parse the value of --keep: "15m", "90s", "2h" or "0". Raises ConfigError."""
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (text[:-1], text[-1:]) if text[-1:] in units else (text, "s" if text == "0" else "")
    if not number.isascii() or not number.isdigit() or not unit:
        raise ConfigError(f"--keep '{text}' is not a time", "write 15m, 90s or 2h; 0 ends what is kept")
    seconds = int(number) * units[unit]
    if seconds > 86_400:
        raise ConfigError(f"--keep {text} is more than a day", "write 24h or less")
    return float(seconds)


def _absolute(request: SolveRequest) -> tuple[SolveRequest, list[WriterSpec]]:
    """Return the request with specs that mean the same in every folder, and these specs."""

    def spec_of(text: str) -> str:
        spec = parse_spec(text) if text else None
        # The text of a spec leaves out a password in its address.
        return text if spec is None or spec.kind == "openai" else str(absolute_spec(spec))

    moved = replace(
        request,
        coder=spec_of(request.coder),
        tester=spec_of(request.tester),
        judge=spec_of(request.judge),
        specifier=spec_of(request.specifier),
    )
    texts = (moved.coder, moved.tester, moved.judge, moved.specifier)
    return moved, [parse_spec(text) for text in dict.fromkeys(texts) if text]


def open_solve(request: SolveRequest, keep: float | None, tell_aside: list[str]) -> SolveProcess:
    """Start the solve: in the kept process for its models, in a new one if `keep` (seconds) is given, else in its own.

    Add a sentence to `tell_aside` where a kept process was expected and another one solves. Raises CureError: no such
    preset or run.
    """
    moved, specs = _absolute(request)
    local = [spec for spec in specs if spec.kind != "openai"]
    if not local:
        if keep is not None:
            tell_aside.append("--keep has no effect: a server's model is loaded by its server")
        return SolveProcess(request)
    place = place_of(name_of(local, request.max_tokens, os.environ))
    if keep is None and not place.socket.exists():
        return SolveProcess(request)
    identity = identity_of(local)
    message = {
        "solve": moved.to_json(),
        "identity": identity,
        "keep": keep,
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }
    try:
        own_folder(place.socket.parent)
        if place.socket.exists():
            try:
                return _join(place, message)
            except _Unusable as error:
                tell_aside.append(f"{error}; the model is loaded anew")
                if error.stays:
                    return SolveProcess(request)
                if _wait_for_end(lock_holder(place.lock).pid):  # it frees its memory first
                    place.socket.unlink(missing_ok=True)
        if keep is not None:
            _start(place)
            return _join(place, message)
    except (_Unusable, EnvironmentError_, OSError) as error:
        tell_aside.append(f"no process is kept: {error}")
    return SolveProcess(request)


def kept_processes() -> list[KeptInfo]:
    """Ask every kept process of this user for its state; stale sockets are left out."""
    return [info for place in places() if (info := _ask(place, "status")) is not None]


def end_kept() -> list[KeptInfo]:
    """End every kept process, by force if it does not answer or end in seconds; return those that there were."""
    ended = []
    for place in places():
        try:
            with connect(place, _ANSWER_SECONDS) as connection:
                pid = peer(connection)[0]
        except OSError:
            place.socket.unlink(missing_ok=True)
            continue
        ended.append(_ask(place, "end") or KeptInfo(pid, (), True, 0.0, 0))
        for number in (signal.SIGTERM, signal.SIGKILL):
            if _wait_for_end(pid):
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        if not _wait_for_end(pid):
            raise EnvironmentError_(f"the kept process {pid} does not end", f"try `kill -9 {pid}`")
        place.socket.unlink(missing_ok=True)
    return ended


def _join(place: Place, message: Mapping[str, object]) -> KeptSolve:
    """Hand the request over to the process at `place`. Raises _Unusable."""
    pid = lock_holder(place.lock).pid
    try:
        connection = connect(place, _ANSWER_SECONDS)
    except ConnectionRefusedError:
        raise _Unusable(f"the kept process{f' {pid}' if pid else ''} was killed, or the machine restarted") from None
    except OSError as error:
        raise _Unusable(f"the kept process cannot be reached: {error.strerror or error}") from None
    try:
        connection.sendall(json.dumps(message).encode() + b"\n")
        first = json.loads(_line(connection))
    except (OSError, ValueError):
        connection.close()
        raise _Unusable("the kept process does not answer") from None
    if first["event"] == "refused":
        connection.close()
        raise _Unusable(f"the kept model is out of date ({', '.join(first['differs'])} changed)", not first["ending"])
    connection.settimeout(None)
    return KeptSolve(connection, first, place.log)


def _line(connection: socket.socket) -> bytes:
    """Read one line and nothing behind it: the rest is for the reader of events."""
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            break
        line += byte
    return bytes(line)


def _start(place: Place) -> None:
    """Start a process that serves at `place`, or let another client's start win. Raises _Unusable."""
    descriptor = os.open(place.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.solve", "--kept", str(place.socket)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdout is not None
    with process.stdout as said:
        if not said.readline() and not place.socket.exists():
            raise _Unusable(_last_line(place.log) or "it ended at once")


def _ask(place: Place, what: str) -> KeptInfo | None:
    try:
        with connect(place, _ANSWER_SECONDS) as connection:
            connection.sendall(json.dumps({what: True}).encode() + b"\n")
            said = json.loads(_line(connection))
        return KeptInfo(
            said["pid"], tuple(said["models"]), said["busy"], said["left_seconds"], _memory_mb(said["pid"])
        )  # fmt: skip
    except (OSError, ValueError, KeyError):
        return None


def _memory_mb(pid: int) -> int:
    import psutil

    try:
        process = psutil.Process(pid)
        return int(sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))) >> 20
    except psutil.Error:
        return 0


def _wait_for_end(pid: int | None) -> bool:
    """Wait for the end of a process, for some seconds; return whether it has come. A zombie has ended."""
    import psutil

    end = time.monotonic() + _END_SECONDS
    with contextlib.suppress(psutil.NoSuchProcess):
        while pid is not None and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
    return True


def _last_line(log: Path) -> str:
    with contextlib.suppress(OSError):
        lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else ""
    return ""
