"""Conditions under which an evaluation runs, for its report."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from engine.evaluation.report import Surroundings
from engine.machine.probe import LIBRARIES, library_version


def surroundings(sandbox: str) -> Surroundings:
    """Describe this machine and these libraries now."""
    try:
        own = version("cure-tui")
    except PackageNotFoundError:  # a checkout that is not installed
        own = "unknown"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    found = ((name, library_version(name)) for name in LIBRARIES)
    return Surroundings(
        version=own,
        python=platform.python_version(),
        sandbox=sandbox,
        cores=cores,
        load=round(os.getloadavg()[0], 2),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        libraries=tuple(f"{name} {has}" for name, has in found if has),
    )
