"""Tuning of malloc and the garbage collector for a long-lived process that allocates much and frees little."""

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

# At exit the collector must see everything again: triton's binding prints a page about each object left alive.
atexit.register(gc.unfreeze)

_lock = threading.Lock()
_growing = 0  # blocks of `grows_without_cycles` under way, in all threads
_garbage_pending = False  # `release` was called: frozen objects may have become garbage


def keep_freed_memory() -> bool:
    """Make malloc serve blocks of up to 32 MB from the heap and never trim it. Return False without glibc.

    By default glibc maps every activation of a CPU forward pass; the kernel zeroes it and unmaps it again.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, _NEVER))


@contextmanager
def grows_without_cycles() -> Iterator[None]:
    """Exempt objects created in this block from garbage collection, until `release`. Thread-safe.

    Meant for objects that live as long as the process, or for many objects without cycles. Collecting while they are
    created takes a fifth of importing torch and transformers and half of reading a journal of 50,000 events; scanning
    them later would delay a frame by 0.1 s and more.
    """
    global _growing, _garbage_pending
    with _lock:
        if _growing == 0:
            if _garbage_pending:  # the next freeze would keep it for good
                gc.collect()
                _garbage_pending = False
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
    """Make all objects collectable again: a large structure, such as a journal, is no longer needed."""
    global _garbage_pending
    with _lock:
        _garbage_pending = True
        gc.unfreeze()
