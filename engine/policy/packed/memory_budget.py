"""How many positions go through the model at a time, and what happens when that is more than the GPU's memory holds."""

from __future__ import annotations

import torch

from engine.errors import RunError


class MicroBatchBudget:
    """Starts at the settings' number and is halved once, for the rest of the process, when memory runs out."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self._halved = False

    def halve(self, longest: int, fault: str) -> str:
        """Go down to half, but not below the `longest` sample, which cannot be split; a note for the user.

        Raises RunError where that was done before, or would change nothing.
        """
        smaller = max(self.tokens // 2, longest)
        if self._halved or smaller >= self.tokens:
            raise RunError(
                f"the GPU's memory does not hold an update with {self.tokens:,} tokens a micro-batch "
                f"and a longest sample of {longest:,}: {fault}",
                "in the run's config.toml lower policy.micro_batch_tokens or rollout.max_new_tokens_*, or set "
                'policy.checkpoint_activations = true or policy.precision = "nf4", then resume the run',
            )
        note = (
            f"the GPU's memory ran out in an update: going on with {smaller:,} tokens a micro-batch "
            f"instead of {self.tokens:,}"
        )
        self.tokens, self._halved = smaller, True
        return note


def free_cached_memory() -> None:
    """Give what torch keeps for later back to the driver, so that differently shaped tensors find room."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
