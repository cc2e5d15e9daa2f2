"""Sandbox level of this machine: found by trying to break out of a cell, not by version numbers."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.errors import EnvironmentError_
from engine.sandbox import launch
from engine.sandbox.cell import Cell, CellLost
from engine.sandbox.launch import Confinement, Setup
from engine.sandbox.limits import Limits
from engine.sandbox.remedies import Host, remedy_for

# Strongest first. C has two forms: without Landlock either a mount namespace hides the files, or no file may be opened.
_CANDIDATES = (
    ("A", Confinement(bubblewrap=True, landlock=True, seccomp=True)),
    ("B", Confinement(bubblewrap=False, landlock=True, seccomp=True)),
    ("C", Confinement(bubblewrap=True, landlock=False, seccomp=True)),
    ("C", Confinement(bubblewrap=False, landlock=False, seccomp=True)),
)
_SELF_CHECK_LIMITS = Limits(cpu_seconds=5.0)
_UNCONFINED = Confinement(bubblewrap=False, landlock=False, seccomp=False)
_SUMMARIES = {
    "A": "bubblewrap namespaces, Landlock, seccomp, resource limits",
    "B": "Landlock, seccomp, resource limits; no namespaces",
    "C": "seccomp and resource limits; no Landlock",
    "D": "no confinement: programs run with the rights of this user",
}


@dataclass(frozen=True, slots=True)
class SandboxLevel:
    """Level of confinement of untrusted programs on this machine.

    `letter`: A (all mechanisms) to D (none). `reasons`: why each better level does not hold, one line each. `remedy`:
    what the user can do about the first reason, empty at A.
    """

    letter: str
    confinement: Confinement
    reasons: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def summary(self) -> str:
        return _SUMMARIES[self.letter]

    @property
    def confined(self) -> bool:
        return self.letter != "D"


def sandbox_level(allowed: str = "ABCD") -> SandboxLevel:
    """Find the best level among `allowed` letters that holds against the self-check. Takes 0.1-0.3 s."""
    if sys.platform != "linux":
        return SandboxLevel("D", _UNCONFINED, ("the sandbox needs Linux",), "use Linux, WSL2 or a container")
    reasons: list[str] = []
    for letter, confinement in _CANDIDATES:
        if letter not in allowed:
            continue
        fault = _fault_of(confinement)
        if fault is None:
            return SandboxLevel(letter, confinement, tuple(reasons), remedy_for(reasons, Host.here()))
        reasons.append(f"{_name(confinement)}: {fault}")
    return SandboxLevel("D", _UNCONFINED, tuple(reasons), remedy_for(reasons, Host.here()))


def check_libraries(level: SandboxLevel, names: Sequence[str]) -> None:
    """Raise EnvironmentError_ if the installed `names` cannot be imported in a cell. Takes as long as their import."""
    try:
        Cell(_SELF_CHECK_LIMITS, level.confinement, Setup(tuple(names))).close()
    except CellLost as lost:
        raise EnvironmentError_(
            f"programs cannot import {', '.join(names)}: {lost}", "install what is missing, or change sandbox.libraries"
        ) from None


def _name(confinement: Confinement) -> str:
    landlock = "Landlock" if confinement.landlock else ""
    return " + ".join(filter(None, ["bubblewrap" if confinement.bubblewrap else "", landlock, "seccomp"]))


def _fault_of(confinement: Confinement) -> str | None:
    """Return the reason why this confinement does not hold here; None when it does."""
    if confinement.bubblewrap and launch.bubblewrap_path() is None:
        return "bwrap is not installed"
    try:
        with Cell(_SELF_CHECK_LIMITS, confinement) as cell:
            return _try_to_break_out(cell)
    except CellLost as lost:
        return str(lost)
    except OSError as error:  # no writable temporary folder, no descriptor left: says nothing of this confinement
        raise EnvironmentError_(
            f"the sandbox cannot check itself: {error}",
            "name a folder that you may write to in TMPDIR, and allow more open files (ulimit -n)",
        ) from error


# The self-check ---------------------------------------------------------------------------------------------

_ESCAPES = """
import json
attempts = {}

def attempt(name):
    def decorate(function):
        try:
            function()
            attempts[name] = True
        except BaseException:
            attempts[name] = False
    return decorate

@attempt("read a file of the user")
def read():
    assert open(SECRET).read() == "secret"

@attempt("write a file")
def write():
    open(FOLDER + "/written", "w").write("x")

@attempt("connect to a TCP port")
def tcp():
    import _socket
    s = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    s.connect(("127.0.0.1", PORT))

@attempt("start a process")
def fork():
    import os
    if os.fork() == 0:
        os._exit(0)

@attempt("signal another process")
def signal():
    import os
    os.kill(os.getppid(), 0)

@attempt("change a file's mode")
def mode():
    import os
    os.chmod(SECRET, 0o777)

@attempt("trace itself")
def trace():
    import ctypes
    assert ctypes.CDLL(None).ptrace(0, 0, 0, 0) == 0

print(json.dumps(attempts))
"""


def _try_to_break_out(cell: Cell) -> str | None:
    """Run known escapes in `cell`, verify from outside, and return the first that succeeded; None without one."""
    with (
        tempfile.TemporaryDirectory(prefix="cure-selfcheck-") as folder,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        secret = Path(folder, "secret")
        secret.write_text("secret")
        mode = secret.stat().st_mode
        known = f"SECRET, FOLDER, PORT = {str(secret)!r}, {folder!r}, {server.getsockname()[1]}\n"
        results = cell.execute((known + _ESCAPES).encode(), [b""], _SELF_CHECK_LIMITS)
        if os.listdir(folder) != ["secret"] or secret.stat().st_mode != mode:
            return "a program could change a file of the user"
        if not results.records or results.records[0].wait_status != 0:
            return "the self-check did not finish"
        return next(_successes(results.records[0].stdout), None)


def _successes(report: bytes) -> Iterator[str]:
    try:
        attempts = json.loads(report)
    except ValueError:
        yield "the self-check printed no report"
        return
    for name, succeeded in attempts.items():
        if succeeded:
            yield f"a program could {name}"
