"""Watch over the resident memory of a cell's programs, from outside: inside, the kernel limits address space alone."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

_PAGE_KB = os.sysconf("SC_PAGE_SIZE") // 1024


def kill_oversized(root_pid: int, limit_kb: int) -> None:
    """Kill the descendants of `root_pid` without children of their own whose resident memory is above `limit_kb`.

    Does nothing where /proc tells nothing: there the address space is the only limit.
    """
    for pid in _leaves(root_pid):
        with contextlib.suppress(OSError, ValueError):
            handle = os.pidfd_open(pid)
            try:  # the id belongs to the process of the handle: read its size only now
                if int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_KB > limit_kb:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)


def _leaves(pid: int) -> Iterator[int]:
    try:
        tasks = os.listdir(f"/proc/{pid}/task")
        children = [
            int(child) for task in tasks for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        ]
    except (OSError, ValueError):
        return
    for child in children:
        below = list(_leaves(child))
        yield from below or [child]
