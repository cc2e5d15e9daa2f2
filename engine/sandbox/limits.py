"""Limits of one execution. CPU time and resident memory decide the verdict; the others are backstops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Protocol

from engine.errors import ConfigError
from engine.sandbox.confined.wire import TimeLimit


class LimitSettings(Protocol):
    """Part of a run's `[sandbox]` settings that limits an execution; the sandbox knows no configuration."""

    @property
    def cpu_seconds(self) -> float: ...

    @property
    def memory_mb(self) -> int: ...

    @property
    def output_kb(self) -> int: ...

    @property
    def sticky_after(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one execution (one program on one input).

    `memory_mb` limits the resident peak: reserved memory is not used memory. The address space is RESERVE_MB larger.
    `wall_seconds` is the time for which a program may idle, by default `WALL_FACTOR` times the CPU limit. Wall time in
    which it runs, or waits for a CPU on a busy machine, does not count; see confined/host.py.
    After `sticky_after` time-outs of a program in one run, its remaining inputs get only `sticky_cpu_seconds` (0:
    never), then half and a quarter of that, until it answers one. Time-outs, not forks, dominate the cost of a batch,
    and a program that answers its other inputs quickly loses nothing.
    """

    cpu_seconds: float = 1.0
    memory_mb: int = 512
    output_kb: int = 1024
    wall_seconds: float | None = None
    stack_mb: int = 120
    open_files: int = 64
    threads: int = 512
    stderr_kb: int = 4
    source_kb: int = 4096
    compile_seconds: float = 2.0
    sticky_after: int = 1
    sticky_cpu_seconds: float = 0.1

    WALL_FACTOR: ClassVar[float] = 3.0
    MIN_WALL_SECONDS: ClassVar[float] = 0.5
    RESERVE_MB: ClassVar[int] = 2048

    @classmethod
    def of(cls, settings: LimitSettings) -> Limits:
        """Take the limits that `settings` names; the others are the defaults."""
        return cls(
            cpu_seconds=settings.cpu_seconds,
            memory_mb=settings.memory_mb,
            output_kb=settings.output_kb,
            sticky_after=settings.sticky_after,
        )

    def __post_init__(self) -> None:
        for name in (
            "cpu_seconds",
            "memory_mb",
            "output_kb",
            "stack_mb",
            "compile_seconds",
            "sticky_cpu_seconds",
        ):
            if not getattr(self, name) > 0:
                raise ConfigError(f"Limits.{name} must be above 0, not {getattr(self, name)}")
        if self.wall_seconds is not None and self.wall_seconds < self.cpu_seconds:
            raise ConfigError(
                f"Limits.wall_seconds ({self.wall_seconds}) is below cpu_seconds ({self.cpu_seconds})",
                "leave wall_seconds out: three times the CPU limit is the default",
            )
        if self.memory_mb < 64:
            raise ConfigError(f"Limits.memory_mb is {self.memory_mb}; Python itself maps about 40 MB", "use 64 or more")
        if self.open_files < 16:
            raise ConfigError("Limits.open_files must be at least 16")

    @property
    def address_mb(self) -> int:
        """Size of the address space, a generous backstop: a thread may reserve a stack as large as the memory limit."""
        return self.memory_mb + self.RESERVE_MB

    @property
    def time(self) -> TimeLimit:
        """CPU and idle seconds of one execution."""
        if self.wall_seconds is not None:
            return TimeLimit(self.cpu_seconds, self.wall_seconds)
        return self._with_backstop(self.cpu_seconds)

    @property
    def sticky_time(self) -> TimeLimit:
        """Seconds left to the further inputs of a program that has timed out `sticky_after` times."""
        return self._with_backstop(min(self.sticky_cpu_seconds, self.cpu_seconds))

    def for_task(self, cpu_seconds: float | None) -> Limits:
        """Return the same limits with a task's own time limit; None leaves them as they are."""
        if cpu_seconds is None or cpu_seconds == self.cpu_seconds:
            return self
        return replace(self, cpu_seconds=cpu_seconds, wall_seconds=None)

    def within(self, cpu_seconds: float) -> Limits:
        """Return the same limits with less CPU time, and as much time to idle as before."""
        return replace(self, cpu_seconds=cpu_seconds, wall_seconds=self.time.wall)

    def _with_backstop(self, cpu_seconds: float) -> TimeLimit:
        return TimeLimit(cpu_seconds, max(self.WALL_FACTOR * cpu_seconds, self.MIN_WALL_SECONDS))
