"""Faults of loading: libraries raise what they like, and write many lines; ours quote the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_PANIC = "PanicException"
"""Name of what a library in Rust raises for its own defects, a BaseException."""


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, or its class name where the text is empty."""
    return (str(error).strip() or type(error).__name__).split("\n")[0][:300]


class LoadingFault(Exception):
    """Fault of a library while it loads files that others have made; the message is its first line."""


@contextmanager
def loading_faults() -> Iterator[None]:
    """Raise LoadingFault for whatever a library raises on such files: tokenizers raises plain Exceptions, and panics.

    torch.OutOfMemoryError is passed on: it is no fault of the files.
    """
    try:
        yield
    except BaseException as error:
        is_fault = isinstance(error, Exception) or type(error).__name__ == _PANIC
        if not is_fault or type(error).__name__ == "OutOfMemoryError":
            raise
        raise LoadingFault(first_line(error)) from error
