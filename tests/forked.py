"""Commands of this Python as forks of a server that has done the imports already.

    done = run([sys.executable, "-m", "cure_tui", "presets"], environment, folder)

A fork has the streams, folder, environment, umask and end of a process of its own, for a tenth of its time. What
differs are the modules that it finds loaded, its line in `ps` and its parent: tests of imports and of start-up time
start a real process.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
_READ_AT_START = ("PYTHON", "LANG", "LC_", "OMP_", "LD_", "MALLOC_", "TEXTUAL")
_PIPE = 1 << 16


class Forked:
    """Running command."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid = self._receive(240.0)

    def wait(self, seconds: float) -> int:
        """Return the exit status, negative for a signal; call it once. Raises TimeoutError."""
        with self._connection:
            return self._receive(seconds)

    def _receive(self, seconds: float) -> int:
        self._connection.settimeout(max(0.001, seconds))
        said = self._connection.recv(32)
        assert said, "the fork server has ended"
        return int(said)


def can_be_forked(command: Sequence[str | Path]) -> bool:
    """Return whether the command is one of this Python: `-m cure_tui` or `-c CODE`, with or without -P."""
    python, *words = command[:4]
    how = [word for word in words if word != "-P"]
    return python == sys.executable and (how[:2] == ["-m", "cure_tui"] or how[:1] == ["-c"])


def run(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, *, stdin: str = "", timeout: float = 280
) -> subprocess.CompletedProcess[str]:
    """Run a command as `subprocess.run` does. Raises TimeoutExpired, with the command killed."""
    end = time.monotonic() + timeout
    assert len(stdin.encode()) <= _PIPE, "written before it is read"
    (given, to_give), (out, out_end), (err, err_end) = os.pipe(), os.pipe(), os.pipe()
    with open(out, "rb") as stdout, open(err, "rb") as stderr:
        os.write(to_give, stdin.encode())
        os.close(to_give)
        command_ends = (given, out_end, err_end)
        forked = start(command, environment, folder, command_ends)
        for descriptor in command_ends:
            os.close(descriptor)
        try:
            said = _read_both(stdout.fileno(), stderr.fileno(), end)
            return subprocess.CompletedProcess(list(command), forked.wait(end - time.monotonic()), *said)
        except TimeoutError:
            os.kill(forked.pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(list(command), timeout) from None


def start(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path | None,
    streams: Sequence[int],
    terminal: str = "",
) -> Forked:
    """Start a command with three open descriptors as its streams.

    terminal: name of one that the command gets as a shell's would, with a leader of the session above it. stdin is
    then for the leader alone: it tells the status in the terminal, and stays until it can read.
    """
    umask = os.umask(0o077)
    os.umask(umask)
    request = {
        "command": [str(word) for word in command[1:]],
        "environment": dict(environment),
        "folder": str(folder or Path.cwd()),
        "umask": umask,
        "terminal": terminal,
    }
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs, tempfile.TemporaryFile() as file:
        file.write(json.dumps(request).encode())
        file.flush()
        own = frozenset(item for item in environment.items() if item[0].startswith(_READ_AT_START))
        socket.send_fds(_server(own), [b"!"], [theirs.fileno(), file.fileno(), *streams])
    return Forked(ours)


@cache
def _server(interpreter: frozenset[tuple[str, str]]) -> socket.socket:
    """Start a server with what Python reads at its start; it ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    others = {name: value for name, value in os.environ.items() if not name.startswith(_READ_AT_START)}
    with theirs:
        subprocess.Popen(
            [sys.executable, "-P", str(ROOT / "tests" / "fork_server.py"), str(theirs.fileno())],
            cwd=ROOT, env={**others, **dict(interpreter)}, pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    return ours


def _read_both(stdout: int, stderr: int, end: float) -> tuple[str, str]:
    """Read both streams to their ends. Raises TimeoutError."""
    read: dict[int, bytearray] = {stdout: bytearray(), stderr: bytearray()}
    with contextlib.closing(selectors.DefaultSelector()) as selector:
        for descriptor in read:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                data = os.read(key.fd, _PIPE)
                read[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
    return read[stdout].decode(), read[stderr].decode()
