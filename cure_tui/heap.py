"""Keeps the garbage collector away from long journals.

What a journal of 50,000 events becomes is half a million objects without cycles. A collector that looks for some, time
and again while they come, takes as long as reading them; later it would hold up a frame for 0.1 s and more.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_readers = 0
_something_left = False


@contextmanager
def grows_without_cycles() -> Iterator[None]:
    """What is made in this block is not searched for cycles, neither now nor later, until `release`. In any thread."""
    global _readers, _something_left
    with _lock:
        if _readers == 0:
            if _something_left:  # it must not be kept together with what comes now
                gc.collect()
                _something_left = False
            gc.disable()
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                gc.freeze()
                gc.enable()


def release() -> None:
    """Everything is searched again: something that was read is not needed any more."""
    global _something_left
    with _lock:
        _something_left = True
        gc.unfreeze()
