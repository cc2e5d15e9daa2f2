"""Shortened error messages: libraries write many lines, ours quote the first."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its class name where the text is empty."""
    return (str(error).strip() or type(error).__name__).split("\n")[0]
