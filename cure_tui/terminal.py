"""Standard streams, whatever the caller did to them and whatever is printed, and the terminal: a TTY, Unicode.

All text that this program prints goes through a PrintableStream, where foreign text loses its control characters. What
writes escape sequences of its own uses `unfiltered` and makes its text printable itself: `drawing.console`, the live
view and Textual's driver, which has a line filter before it. Data for other programs is written to the stream's buffer,
byte for byte, or is JSON or TOML, which escape controls.
"""

from __future__ import annotations

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from engine.printable import PrintableStream, print_printable


def unfiltered(stream: TextIO) -> TextIO:
    """Return the stream for text that holds escape sequences of this program, and no foreign controls."""
    return stream.unfiltered if isinstance(stream, PrintableStream) else stream


def open_standard_streams() -> None:
    """Make all three standard streams usable and printable; let stdout escape what its encoding lacks.

    A stream that the caller closed (`>&-`) fails when it is used, as it does in other programs: /dev/null takes its
    descriptor, opened for the other direction, or the next file to be opened would receive what is printed.
    """
    for descriptor, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            way = os.O_WRONLY if name != "stdout" else os.O_RDONLY  # nothing can be done about a closed stderr
            opened = os.open(os.devnull, way)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
            setattr(sys, name, os.fdopen(descriptor, "w" if descriptor else "r", encoding="utf-8"))
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    print_printable()


def in_terminal() -> bool:
    """Return True if stdin and stdout are both a TTY and TERM is not "dumb"."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def draws_unicode() -> bool:
    """Return True if stdout's encoding has braille and box-drawing characters, and the locale is not C or POSIX."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return encoding.startswith("utf") and _locale() not in ("C", "POSIX")


def _locale() -> str:
    """Return the locale of characters that the user has set; "" if none is set, as in most containers.

    Python encodes stdout as UTF-8 in a C locale, too, and sets LC_CTYPE to C.UTF-8 there (PEP 538 and 540): only the
    kernel still has the variables that the process was started with.
    """
    try:
        given = dict(
            variable.partition("=")[::2]
            for variable in Path("/proc/self/environ").read_text(errors="replace").split("\0")
        )
    except OSError:
        given = dict(os.environ)
    return next((given[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if given.get(name)), "")
