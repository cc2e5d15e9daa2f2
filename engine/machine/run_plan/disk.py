"""Disk space of a run: checkpoints, the archive, exports of the adapter, answers of an evaluation under way."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config import RunConfig
from engine.machine.memory_plan import ModelShape
from engine.machine.memory_plan.calibration import GIB, MOMENT_BYTES
from engine.machine.memory_plan.parts import Part
from engine.machine.run_plan.work import Work

ARCHIVED_PER_TOKEN = 1.4
"""Bytes of the archive per sampled token: text is about 4 characters a token, a third after compression, and its index
(engine/runs/archive.py: 100 kB for 256 answers of 100 characters, 94 % of the rest text)."""

ARCHIVED_PER_ANSWER = 330.0
"""Bytes of the archive per answer besides its text: verdicts, outcomes, rows of tables."""

JOURNALLED_PER_TOKEN = 4.5
"""Bytes of an answer's text in the file of an evaluation under way."""

_RESERVE = 64 * 2**20
"""Journal, log, the archive's write-ahead log."""


@dataclass(frozen=True)
class Disk:
    """Space that a run takes on the disk of its folder, at most, in bytes."""

    parts: tuple[Part, ...]

    @property
    def gib(self) -> float:
        return sum(part.bytes for part in self.parts) / GIB


def disk_of(config: RunConfig, shape: ModelShape, work: Work) -> Disk:
    """Return the space for a whole run."""
    adapter = 4.0 * shape.lora_parameters(config.policy.lora_rank)
    moments = shape.lora_parameters(config.policy.lora_rank) * (MOMENT_BYTES[config.policy.optimiser] or 2.0)
    # One more while the newest is written, and one for the best by validation.
    kept = config.run.keep_checkpoints + 2
    sampled = work.training
    archive = sampled.tokens * ARCHIVED_PER_TOKEN + sampled.answers * ARCHIVED_PER_ANSWER
    if config.run.archive_mb:
        archive = min(archive, config.run.archive_mb * 1e6)
    evaluated = work.evaluation.tokens * ARCHIVED_PER_TOKEN + work.evaluation.answers * ARCHIVED_PER_ANSWER
    exports = 0.0 if config.rollout.sampler == "transformers" else 2 * adapter
    return Disk(
        (
            Part(f"checkpoints, {kept} with optimiser", kept * (adapter + moments)),
            Part("archive of rollouts", archive),
            Part("archives of evaluations", evaluated),
            Part("adapters handed to the sampler", exports),
            Part("answers of an evaluation under way", work.start.tokens * JOURNALLED_PER_TOKEN),
            Part("journal, log, reserve", float(_RESERVE)),
        )
    )
