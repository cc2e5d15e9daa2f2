"""Capabilities of the terminal: a TTY that can hold a dashboard, and Unicode."""

from __future__ import annotations

import os
import sys
from pathlib import Path


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
