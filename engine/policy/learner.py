"""Protocol of a learner: what the loop, evaluations, checkpoints and samplers ask of the policy's owner.

`engine.policy.Policy` trains a model in this process; `engine.policy.tinker.learner.TinkerLearner` has a distributed
engine train it. Both make the same update of the same samples (loss.py) and report the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from engine.policy.samples import TrainSample, UpdateReport
from engine.sampling.protocol import AdapterSource


class Learner(AdapterSource, Protocol):
    """Owner of a policy in training: its weights, its optimiser and its position in the schedule."""

    @property
    def updates_done(self) -> int:
        """Number of updates so far, those before a resume included; the schedule counts in them."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user at the start of a run: what this learner does otherwise than the settings say."""
        ...

    def update(self, samples: Sequence[TrainSample]) -> UpdateReport:
        """Train on the samples of one step.

        Masked samples and samples with advantage 0 are left out and counted. A step with NaN or inf is skipped and
        reported. Raises CureError: the policy is as after the last complete optimiser step, or has to be resumed.
        """
        ...

    def logprobs(self, samples: Sequence[TrainSample]) -> list[tuple[float, ...]]:
        """Return the log-probs of every sample's answer tokens under the policy, at the sampler's temperature."""
        ...

    def weights_digest(self) -> str:
        """Return a digest of the weights: the same weights of the same base model give the same answers."""
        ...

    def save_state(self, path: Path, *, best: bool = False) -> None:
        """Write into the folder `path` what `load_state` needs.

        best: the state is the best so far, so its adapter is put into the folder even if this learner needs it not.
        Raises RunError.
        """
        ...

    def load_state(self, path: Path) -> None:
        """Continue from the output of `save_state`. Raises RunError: it is corrupt, lost, or of another model."""
        ...

    def forget_state(self, path: Path) -> None:
        """Release what a checkpoint that is about to be removed holds outside its folder `path`; never raises."""
        ...

    def load_adapter(self, path: Path) -> None:
        """Take over the adapters that another run has saved; optimiser and schedule stay fresh. Raises CureError."""
        ...

    def metrics(self) -> dict[str, float | None]:
        """Return the learner's own metrics, by the names of `engine.runs.metrics`."""
        ...

    def close(self) -> None:
        """Release all resources; the learner must not be used afterwards."""
        ...
