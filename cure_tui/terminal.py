"""Capabilities of the terminal: a TTY that can hold a dashboard, and Unicode."""

from __future__ import annotations

import os
import sys


def in_terminal() -> bool:
    """Return True if stdin and stdout are both a TTY and TERM is not "dumb"."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def draws_unicode() -> bool:
    """Return True if stdout's encoding has braille and box-drawing characters."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return encoding.startswith("utf")
