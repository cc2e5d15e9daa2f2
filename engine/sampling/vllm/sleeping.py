"""Sleep and wake of vLLM's engine: memory for the trainer's update, and back.

Level 0 releases the KV cache alone. vLLM refuses that while finished requests wait to be flushed from its workers, or
while a batch of its asynchronous scheduler is queued, and both are so after the last answer of a step: the engine
therefore steps on idly first.
"""

from __future__ import annotations

from typing import Any

from engine.sampling.vllm import compat

IDLE_STEPS = 16
"""Engine steps before a sleep, at most. One flushes finished requests; a queue holds two batches or so."""


class SleepMode:
    """Sleep of one engine. frees_memory: whether sleep mode is on; without it a sleep only pauses the scheduler."""

    def __init__(self, engine: Any, *, frees_memory: bool) -> None:
        self._engine, self._frees_memory = engine, frees_memory
        self._asleep_at: int | None = None
        self._least_level = 0

    def rest(self, level: int) -> str:
        """Sleep at `level`, without unfinished requests; return what the user should know, or ""."""
        drained = self._step_on()
        level = max(level, self._least_level)
        if not self._frees_memory:
            self._engine.sleep(level=0)
            self._asleep_at = level
            return ""
        notice = ""
        if level == 0:
            reason = self._release_cache() if drained else f"requests are left after {IDLE_STEPS} idle steps"
            if reason:
                level = self._least_level = 1
                notice = (
                    f"vLLM does not release its KV cache alone ({reason}); "
                    "it sleeps at level 1 from now on, with its weights in host memory"
                )
        if level:
            self._engine.sleep(level=level)
        self._asleep_at = level
        return notice

    def wake(self) -> bool:
        """Wake up; return whether the adapter must be loaded again. Does nothing if the engine is awake."""
        level, self._asleep_at = self._asleep_at, None
        if level is None:
            return False
        if not self._frees_memory:
            self._engine.wake_up(tags=["scheduling"])
        elif level == 2:
            self._engine.wake_up(tags=["weights"])
            self._engine.collective_rpc("reload_weights")
            self._engine.wake_up(tags=["kv_cache"])
        else:
            self._engine.wake_up(tags=["kv_cache"] if level == 0 else None)
        if self._engine.is_sleeping():
            self._engine.wake_up(tags=["scheduling"])
        self._engine.reset_prefix_cache()
        return self._frees_memory and level == 2

    def _step_on(self) -> bool:
        """Step until nothing is queued; return whether that came about within IDLE_STEPS."""
        for _ in range(IDLE_STEPS):
            if not compat.has_work(self._engine):
                return True
            self._engine.step()
        return not compat.has_work(self._engine)

    def _release_cache(self) -> str:
        """Pause and release the KV cache; return the reason where vLLM refuses, else ""."""
        self._engine.sleep(level=0)
        try:
            self._engine.release_kv_cache_memory()
        except RuntimeError as error:
            return " ".join(str(error).split())
        return ""
