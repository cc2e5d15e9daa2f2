"""The libraries' errors run over many lines; ours quote the first."""

from __future__ import annotations


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its class where it has none."""
    return (str(error).strip() or type(error).__name__).split("\n")[0]
