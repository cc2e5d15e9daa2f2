"""Commands in a real terminal, beneath lines of the user's own, and the screen that they leave behind.

    left = left_on_screen([sys.executable, "-m", "cure_tui", "doctor"], script=[After("sandbox", keys="\\x03")])
    assert not left.lost and not left.untidy

A pty holds the command, pyte is the terminal. A command of this Python is a fork with the imports done
(`tests/forked.py`). Nothing sleeps: the script's next step is taken as soon as the screen shows its text, which is
looked for between frames alone: the terminal knows synchronized output (mode 2026), and half a frame holds rows of the
last one. As in xterm, a narrower terminal cuts lines instead of wrapping them anew.
"""

from __future__ import annotations

import copy
import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyte
from pyte.modes import DECTCEM

from tests import forked

Size = tuple[int, int]
_ALTERNATE = {47, 1047, 1049}
_CURSOR = DECTCEM >> 5  # pyte keeps a private mode's number shifted
_FRAME = 2026 << 5  # the mode that is set from the start of a frame to its end
_ASKS_FOR_FRAMES, _HAS_FRAMES = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_QUIET = {7, _CURSOR}  # auto-wrap and the cursor: on in a terminal at rest
# pyte would draw the ends of these: private CSI sequences (kitty's keyboard protocol) and strings for the terminal.
_UNKNOWN = re.compile(rb"\x1b\[[<=>][0-9;]*[@-~]|\x1b[P_^][^\x1b]*\x1b\\")
_UNFINISHED = re.compile(rb"\x1b(\[([<=>][0-9;]*)?|[P_^][^\x1b]*\x1b?)?\Z")
_KILLED_WITHIN = 60.0  # seconds
_STATUS = re.compile(rb"\x1b_status (\d+)\x1b\\")
# The leader of a new session gets the first terminal that it opens as its own: with it come Ctrl-C and SIGWINCH. It
# tells the status through the terminal, behind all output, and stays until the terminal's settings have been read.
_SHELL = r"""exec 3<>"$0"; trap : INT QUIT; "$@" <&3 >&3 2>&3 3>&-; printf '\033_status %d\033\\' $? >&3; read -r _"""


@dataclass(frozen=True)
class After:
    """Step of a script: once `text` is on the screen, `seconds` after the start at the earliest, keys or a new size.

    Keys are the characters that a terminal sends: "q", "\\r" (Enter), "\\x03" (Ctrl-C), "\\x1b[A" (Up).
    """

    text: str = ""
    keys: str = ""
    size: Size | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Left:
    """Screen at the end: rows without trailing blanks, those that scrolled out at the top, the cursor's row from 0.

    The status is the one that a shell shows: 130 for a command that Ctrl-C killed.
    """

    own: tuple[str, ...]
    scrolled: tuple[str, ...]
    lines: tuple[str, ...]
    row: int
    status: int
    raw: bytes
    untidy: tuple[str, ...]
    """Settings of the terminal that the command changed and did not put back."""

    @property
    def text(self) -> str:
        return "\n".join(self.scrolled + self.lines)

    @property
    def lost(self) -> tuple[str, ...]:
        """Return the user's own lines that are no longer where they were: at the top, in their order."""
        kept = (self.scrolled + self.lines)[: len(self.own)]
        return tuple(line for place, line in enumerate(self.own) if kept[place : place + 1] != (line,))

    @property
    def below(self) -> tuple[str, ...]:
        """Return the lines beneath the user's own."""
        return (self.scrolled + self.lines)[len(self.own) :]


def left_on_screen(
    command: Sequence[str | Path],
    *,
    script: Sequence[After] = (),
    size: Size = (80, 24),
    own_lines: int = 12,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    seconds: float = 280.0,
) -> Left:
    """Run `command` to its end in a terminal of `size` (columns, rows); fail where the script or it takes too long."""
    environment = {**(os.environ if environment is None else environment), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    for name in ("COLUMNS", "LINES", "LC_ALL"):
        environment.pop(name, None)
    master, slave = os.openpty()
    terminal = _Terminal(master, size)
    own = tuple(f"mine {number}" for number in range(1, own_lines + 1))
    terminal.feed("".join(f"{line}\r\n" for line in own).encode())
    before = termios.tcgetattr(slave)
    before[3] |= termios.NOFLSH  # or the second of two Ctrl-C may discard what the first has made the command write
    termios.tcsetattr(slave, termios.TCSANOW, before)
    keeper, lets_go = os.pipe()
    leader = _start(command, environment, folder, os.ttyname(slave), keeper)
    os.close(keeper)
    try:
        status = _follow(terminal, list(script), time.monotonic() + seconds)
        untidy = terminal.unlike_at_rest()
        if termios.tcgetattr(slave) != before:
            untidy += ("termios",)
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        leader.wait(_KILLED_WITHIN)
        for descriptor in (lets_go, slave, master):
            os.close(descriptor)
    screen, raw = terminal.screen, bytes(terminal.raw)
    return Left(own, tuple(screen.scrolled), screen.rows(), screen.cursor.y, status, raw, untidy)


def _start(
    command: Sequence[str | Path], environment: Mapping[str, str], folder: Path | None, terminal: str, keeper: int
) -> forked.Forked | subprocess.Popen[bytes]:
    """Start the leader of a session in the terminal, which runs the command and reads `keeper` at its end."""
    if forked.can_be_forked(command):
        return forked.start(command, environment, folder, (keeper, 1, 2), terminal)
    shell = ["sh", "-c", _SHELL, terminal, *command]
    return subprocess.Popen(shell, cwd=folder, env=environment, stdin=keeper, start_new_session=True)


def _follow(terminal: _Terminal, script: list[After], end: float) -> int:
    """Feed the terminal and play the script until the command ends; return its exit status."""
    started = time.monotonic()
    while terminal.status is None:
        now = time.monotonic()
        while script and terminal.shows(script[0].text) and now - started >= script[0].seconds:
            terminal.play(script.pop(0))
        assert now < end, f"{_waited_for(script)}; on the screen:\n{terminal.screen.text()}"
        wake = min(end, started + script[0].seconds) if script and now - started < script[0].seconds else end
        if select.select([terminal.master], [], [], wake - now)[0]:
            terminal.feed(os.read(terminal.master, 65536))
    assert not script, f"{_waited_for(script)}; at the end:\n{terminal.screen.text()}"
    return terminal.status


def _waited_for(script: list[After]) -> str:
    return f"{script[0].text!r} never came" if script else "the command did not end"


class _Terminal:
    """Master's side of a pty: a screen, what it was fed, keys and sizes for the command."""

    def __init__(self, master: int, size: Size) -> None:
        self.master = master
        self.screen = _Screen(master, *size)
        self.raw = bytearray()
        self.status: int | None = None
        self._stream = pyte.ByteStream(self.screen)
        self._unfinished = b""
        self._set_size(size)

    def feed(self, data: bytes) -> None:
        self.raw += data
        told = _STATUS.search(self.raw, max(0, len(self.raw) - len(data) - 32))
        if told is not None:
            self.status = int(told[1])
            del self.raw[told.start() :]
        if self.raw.find(_ASKS_FOR_FRAMES, max(0, len(self.raw) - len(data) - len(_ASKS_FOR_FRAMES) + 1)) >= 0:
            os.write(self.master, _HAS_FRAMES)
        data = _UNKNOWN.sub(b"", self._unfinished + data)
        tail = _UNFINISHED.search(data)
        self._unfinished = tail.group() if tail else b""
        self._stream.feed(data[: len(data) - len(self._unfinished)])

    def shows(self, text: str) -> bool:
        """Return whether a whole frame holds the text."""
        return _FRAME not in self.screen.mode and text in self.screen.text()

    def play(self, step: After) -> None:
        if step.size is not None:
            self.screen.resize(step.size[1], step.size[0])
            self._set_size(step.size)
        os.write(self.master, step.keys.encode())

    def unlike_at_rest(self) -> tuple[str, ...]:
        modes = {mode >> 5 for mode in self.screen.mode if mode >= 32}
        hidden = ("cursor hidden",) if _CURSOR not in modes else ()
        return hidden + tuple(f"mode {mode}" for mode in sorted(modes - _QUIET))

    def _set_size(self, size: Size) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))


class _Screen(pyte.Screen):
    """pyte's screen with what it lacks: lines that scroll out, the alternate screen, shrinking around the cursor."""

    def __init__(self, master: int, columns: int, rows: int) -> None:
        self.scrolled: list[str] = []
        self._master = master
        self._main: tuple[Any, Any, Any] | None = None
        super().__init__(columns, rows)

    def rows(self) -> tuple[str, ...]:
        return tuple(self.text().split("\n")) if self.text() else ()

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.display).rstrip("\n")

    def write_process_input(self, data: str) -> None:
        """Answer the command's questions, such as for the cursor's place."""
        os.write(self._master, data.encode())

    def index(self) -> None:
        top, bottom = self.margins or (0, self.lines - 1)
        if self.cursor.y == bottom and top == 0:
            self._scroll_out()
        super().index()

    def erase_in_display(self, how: int = 0, *arguments: Any, **options: Any) -> None:
        if how == 3:
            self.scrolled.clear()
        else:
            super().erase_in_display(how, *arguments, **options)

    def set_mode(self, *modes: int, **options: Any) -> None:
        if options.get("private") and _ALTERNATE & set(modes) and self._main is None:
            self._main = copy.deepcopy(self.buffer), copy.copy(self.cursor), self.lines
            super().erase_in_display(2)
        super().set_mode(*modes, **options)

    def reset_mode(self, *modes: int, **options: Any) -> None:
        super().reset_mode(*modes, **options)
        if options.get("private") and _ALTERNATE & set(modes) and self._main is not None:
            lines, columns = self.lines, self.columns
            (self.buffer, self.cursor, self.lines), self._main = self._main, None
            self._fit(lines)
            self._cut(columns)

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        self._fit(lines or self.lines)
        self._cut(columns or self.columns)
        self.set_margins()

    def _fit(self, lines: int) -> None:
        """Take rows from beneath the cursor first, then let them scroll out at the top."""
        while self.cursor.y >= lines:
            self._scroll_out()
            for row in range(self.lines - 1):
                self.buffer[row] = self.buffer[row + 1]
            self.buffer.pop(self.lines - 1, None)
            self.cursor.y -= 1
        for row in range(lines, self.lines):
            self.buffer.pop(row, None)
        self.lines = lines

    def _cut(self, columns: int) -> None:
        for line in self.buffer.values():
            for column in [column for column in line if column >= columns]:
                del line[column]
        self.columns = columns
        self.cursor.x = min(self.cursor.x, columns - 1)

    def _scroll_out(self) -> None:
        if self._main is None:
            self.scrolled.append(self.display[0].rstrip())
