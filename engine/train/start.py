"""Start of a run from the adapter that another run has trained, instead of a fresh one."""

from __future__ import annotations

from pathlib import Path

from engine.errors import RunError
from engine.policy import Learner
from engine.runs.checkpoints import CheckpointStore
from engine.runs.lineage import START


def load_start(policy: Learner, run_dir: Path, origin: str) -> str:
    """Load the adapter of the run's origin and return a sentence about it; "" if the run has checkpoints of its own.

    The optimiser and the schedule begin afresh. Raises RunError: the copy is corrupt, or does not fit the model.
    """
    if CheckpointStore(run_dir / "checkpoints").steps():
        return ""  # a resume loads one of these
    found = CheckpointStore(run_dir / START).latest()
    if found is None:
        raise RunError(f"the adapter of {origin}, from which this run starts, is missing or corrupt", "start a new run")
    policy.load_adapter(found.path)
    return (
        f"starting from the adapter of {origin}, with a fresh optimiser; the KL is measured to the base model as ever, "
        "so it does not start at 0"
    )
