"""Core dumps of processes that hold a key: none, because a dump is the key in a file that outlives the process."""

from __future__ import annotations

import resource

_NOT_EVEN_TO_A_PIPE = 1
"""Bytes: less than any core file has, and what the kernel takes as "no dump"; with 0 a piped handler still gets one."""


def refuse_core_dumps() -> None:
    """Let neither this process nor its children leave a core dump, for good. Called wherever a key is taken."""
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    limit = _NOT_EVEN_TO_A_PIPE if most == resource.RLIM_INFINITY else min(_NOT_EVEN_TO_A_PIPE, most)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
