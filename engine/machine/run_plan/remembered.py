"""Rates that earlier runs on this machine reached, in one small file of the user's data folder.

A line is a run's newest step: what it sampled and trained a second, and how long its answers were. Losing the file
loses nothing but the accuracy of the next plan, so whatever cannot be read or written is passed over.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import socket
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from engine.config import RunConfig
from engine.machine.home import home
from engine.machine.memory_plan.sampling_phase import vllm_format
from engine.machine.regular_files import read_regular

_MOST_BYTES, _MOST_ENTRIES = 1 << 18, 200


@dataclass(frozen=True)
class Measured:
    """Rates of a step, in tokens a second; mean lengths in tokens under `limit`, the step's longest answer allowed.

    time: Unix time of the step.
    """

    sampled_per_second: float
    trained_per_second: float
    coder_length: float
    tester_length: float
    limit: int
    time: float


def rate_key(config: RunConfig, device: str) -> str:
    """Name all that a rate depends on. device: the GPU's name, or the CPU with its threads."""
    rollout, policy = config.rollout, config.policy
    formats = vllm_format(config) if rollout.sampler == "vllm" else policy.precision
    parts = (
        socket.gethostname(), device, config.run.threads, rollout.sampling_threads, config.model.source,
        config.model.thinking, rollout.sampler, formats, policy.precision, rollout.max_batch, rollout.tasks_per_step,
        rollout.n_programs, rollout.m_tests,
    )  # fmt: skip
    return "|".join(map(str, parts))


def recall(key: str) -> Measured | None:
    """Return what was measured under `key`, None if nothing was."""
    entry = _read().get(key)
    if not isinstance(entry, dict):
        return None
    values = [entry.get(each.name) for each in fields(Measured)]
    if not all(isinstance(value, int | float) and math.isfinite(value) and value > 0 for value in values):
        return None
    return Measured(**{each.name: entry[each.name] for each in fields(Measured)})


def remember(key: str, measured: Measured) -> None:
    """Write down what was measured under `key`; the oldest entries make room."""
    entries = _read() | {key: asdict(measured)}
    newest = sorted(entries, key=lambda each: _time(entries[each]), reverse=True)[:_MOST_ENTRIES]
    path = _path()
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(json.dumps({each: entries[each] for each in newest}))
        aside.replace(path)


def measured_now(sampled: float, trained: float, coder_length: float, tester_length: float, limit: int) -> Measured:
    """Return a measurement of this moment."""
    return Measured(sampled, trained, coder_length, tester_length, limit, time.time())


def _path() -> Path:
    return home() / "rates.json"


def _read() -> dict[str, object]:
    try:
        entries = json.loads(read_regular(_path(), _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _time(entry: object) -> float:
    moment = entry.get("time") if isinstance(entry, dict) else None
    return float(moment) if isinstance(moment, int | float) else 0.0
