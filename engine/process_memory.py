"""How this process keeps its memory: what it frees it will want again, and what grows for good is not searched."""

from __future__ import annotations

import atexit
import ctypes
import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of malloc.h
_LARGEST_MMAP_THRESHOLD = 32 << 20  # glibc refuses more
_NEVER = 2**31 - 1

# When the interpreter ends, libraries count what nobody took down: triton's binding prints a page about it.
atexit.register(gc.unfreeze)

_lock = threading.Lock()
_growing = 0
_something_left = False


def keep_freed_memory() -> bool:
    """Blocks up to 32 MB come from the heap, and the heap is not given back. False where there is no glibc.

    Without it every activation of a CPU forward pass is mapped, zeroed by the kernel, and unmapped again.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, _NEVER))


@contextmanager
def grows_without_cycles() -> Iterator[None]:
    """What is made in this block is not searched for cycles, neither now nor later, until `release`. In any thread.

    For what lives as long as the process, or is many objects without cycles. A collector that looks for some, time and
    again while they come, takes a fifth of importing torch and transformers, and half of reading a journal of 50,000
    events; later it would hold up a frame for 0.1 s and more.
    """
    global _growing, _something_left
    with _lock:
        if _growing == 0:
            if _something_left:  # it must not be kept together with what comes now
                gc.collect()
                _something_left = False
            gc.disable()
        _growing += 1
    try:
        yield
    finally:
        with _lock:
            _growing -= 1
            if _growing == 0:
                gc.freeze()
                gc.enable()


def release() -> None:
    """Everything is searched again: something that was read is not needed any more."""
    global _something_left
    with _lock:
        _something_left = True
        gc.unfreeze()
