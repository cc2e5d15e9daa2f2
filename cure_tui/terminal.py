"""Whether a person at a terminal is there to look at a dashboard."""

from __future__ import annotations

import os
import sys


def in_terminal() -> bool:
    """True when both ends of the conversation are a terminal that can draw."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def draws_unicode() -> bool:
    """False where the terminal's encoding has no room for braille and box characters."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return encoding.startswith("utf")
