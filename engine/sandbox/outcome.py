"""Outcome of one execution, and the rule that derives it from the kernel's account."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from enum import StrEnum

from engine.sandbox.confined import wire
from engine.sandbox.limits import Limits

_NEARLY = 0.98


class Status(StrEnum):
    """Ways in which an execution ends. There is no "wrong": the executor knows no expected outputs.

    `infrastructure`: the sandbox lost its cells and reached no verdict; counts neither for nor against a program.
    """

    OK = "ok"
    RUNTIME_ERROR = "runtime_error"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    CRASH = "crash"
    COMPILE_ERROR = "compile_error"
    INFRASTRUCTURE = "infrastructure"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one program on one input.

    `exit_code` is negative for a signal (as in subprocess) and None where no program ran. `peak_mb` is the
    maximal resident size, about 8 MB of it the interpreter. `stdout` is everything written before the end; bytes that
    are not UTF-8 are replaced. `repeatable`: another execution would end the same way; not so where the program idled
    until its wall time was over, which may have been waiting for something that a busy machine delayed.
    """

    status: Status
    stdout: str = ""
    stderr_tail: str = ""
    exit_code: int | None = None
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    peak_mb: float = 0.0
    repeatable: bool = True


def judge_record(record: wire.Record, limits: Limits) -> Outcome:
    """Derive the outcome of a finished execution."""
    exit_code = os.waitstatus_to_exitcode(record.wait_status)
    output_bytes = limits.output_kb * 1024
    return Outcome(
        status=_status(record, exit_code, limits),
        stdout=record.stdout[:output_bytes].decode(errors="replace"),
        stderr_tail=record.stderr.decode(errors="replace"),
        exit_code=exit_code,
        cpu_seconds=record.cpu_seconds,
        wall_seconds=record.wall_seconds,
        peak_mb=record.peak_kb / 1024,
        repeatable=record.killed_by != wire.KILLED_WALL,
    )


def _status(record: wire.Record, exit_code: int, limits: Limits) -> Status:
    limit_kb = limits.memory_mb << 10
    # The guard outside reads the size now, the kernel's peak may lag behind it by some pages.
    ended_by_guard = exit_code == -signal.SIGKILL and record.killed_by == wire.KILLED_NOT
    if record.peak_kb > (limit_kb * _NEARLY if ended_by_guard else limit_kb):
        return Status.MEMORY_LIMIT
    if record.killed_by != wire.KILLED_NOT or record.cpu_seconds > record.cpu_limit or exit_code == -signal.SIGXCPU:
        return Status.TIME_LIMIT
    if exit_code == -signal.SIGXFSZ or len(record.stdout) > limits.output_kb * 1024:
        return Status.OUTPUT_LIMIT
    if exit_code == -signal.SIGINT:
        return Status.RUNTIME_ERROR  # so ends an interpreter after an uncaught KeyboardInterrupt
    if exit_code == 0:
        return Status.OK
    if exit_code < 0:
        return Status.CRASH
    last_line = record.stderr.rstrip().rpartition(b"\n")[2]
    return Status.MEMORY_LIMIT if last_line.startswith(b"MemoryError") else Status.RUNTIME_ERROR


def compile_error(message: str) -> Outcome:
    return Outcome(Status.COMPILE_ERROR, stderr_tail=message)


def infrastructure(message: str) -> Outcome:
    return Outcome(Status.INFRASTRUCTURE, stderr_tail=message)
