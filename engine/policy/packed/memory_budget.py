"""Budget of positions per micro-batch, and its halving when the GPU runs out of memory."""

from __future__ import annotations

import torch

from engine.errors import RunError


class MicroBatchBudget:
    """Budget in tokens, from the settings; halved at most once, for the rest of the process.

    Once, because a second out-of-memory means that the settings do not fit: a clear error saves the user's time.
    """

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self._halved = False

    def halve(self, longest: int, fault: str) -> str:
        """Halve the budget, but not below the `longest` sample, which cannot be split; return a note for the user.

        Raises RunError if it was halved before, or if halving would change nothing.
        """
        smaller = max(self.tokens // 2, longest)
        if self._halved or smaller >= self.tokens:
            raise RunError(
                f"the GPU's memory is too small for an update with {self.tokens:,} tokens per micro-batch "
                f"and a longest sample of {longest:,}: {fault}",
                "in the run's config.toml lower policy.micro_batch_tokens or rollout.max_new_tokens_*, or set "
                'policy.checkpoint_activations = true or policy.precision = "nf4", then resume the run',
            )
        note = (
            f"the GPU ran out of memory in an update: continuing with {smaller:,} tokens per micro-batch "
            f"instead of {self.tokens:,}"
        )
        self.tokens, self._halved = smaller, True
        return note


def free_cached_memory() -> None:
    """Release torch's cached GPU memory, so that tensors of other shapes can be allocated."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
