"""Surroundings of a run, as its learner and its sampler see them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Surroundings:
    """Surroundings of a run.

    scratch: folder for files passed to a sampler's process. log: log file of the engine and its child processes.
    on_notice: receives sentences for the user. on_start: receives one about the adapter that the run starts from;
    on_label_notice: those about the labels. during: opens a phase of the run, by its name for people, around what takes
    minutes before the first step.
    """

    scratch: Path
    log: Path
    on_notice: Callable[[str], object] = lambda text: None
    on_start: Callable[[str], object] = lambda text: None
    on_label_notice: Callable[[str], None] = lambda text: None
    during: Callable[[str], AbstractContextManager[None]] = lambda name: nullcontext()
