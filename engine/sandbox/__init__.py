"""Runs programs that a model wrote, on the user's own machine, confined and fast. Start reading at
executor.py.

Trusted side: executor (queue, cache, retries) -> cell (one confined process each) -> launch (command line)
and level (which confinement holds here). What runs untrusted programs is the package `confined`, standalone
on purpose. Expected outputs are compared in judging, on the trusted side only.
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
from engine.sandbox.level import SandboxLevel, sandbox_level
from engine.sandbox.limits import Limits
from engine.sandbox.outcome import Outcome, Status

__all__ = [
    "AS_A_PROCESS",
    "CURE_COMPAT",
    "Executor",
    "Judging",
    "Limits",
    "Outcome",
    "SandboxLevel",
    "Status",
    "judging_of",
    "outputs_match",
    "passes",
    "sandbox_level",
    "verdict",
]
