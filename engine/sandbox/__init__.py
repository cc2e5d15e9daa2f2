"""Sandbox for programs that a model wrote: confined and fast, on the user's own machine. Read executor.py first.

Trusted side: executor (queue, cache, retries) -> cell (handle of one confined process) -> launch (command line) and
level (which confinement holds here). The package `confined` runs the untrusted programs; it imports nothing else of the
engine. `judging` compares outputs with expected ones, on the trusted side only.
"""

from engine.sandbox.executor import Executor
from engine.sandbox.judging import (
    AS_A_PROCESS,
    CURE_COMPAT,
    Judging,
    judging_of,
    outputs_match,
    passes,
    verdict,
)
from engine.sandbox.level import SandboxLevel, check_libraries, sandbox_level
from engine.sandbox.libraries import Library, found_libraries
from engine.sandbox.limits import Limits
from engine.sandbox.outcome import Outcome, Status
from engine.sandbox.peers import TIME_RULES, Peers

__all__ = [
    "AS_A_PROCESS",
    "CURE_COMPAT",
    "TIME_RULES",
    "Executor",
    "Judging",
    "Library",
    "Limits",
    "Outcome",
    "Peers",
    "SandboxLevel",
    "Status",
    "check_libraries",
    "found_libraries",
    "judging_of",
    "outputs_match",
    "passes",
    "sandbox_level",
    "verdict",
]
