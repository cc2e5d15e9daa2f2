"""What trainer and vLLM process say to each other: small frozen dataclasses, pickled over a socket pair.

The trainer orders, the worker answers each order with Done or Failed, but for Sample: that is answered by a StepOutput
a step, until every job has ended; steps that bring nothing are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Start:
    """The first order: arguments of `vllm.EngineArgs`. Answered by Ready."""

    arguments: dict[str, Any]


@dataclass(frozen=True)
class LoadAdapter:
    """Samples from now on with the adapter in folder `path`. No sample may be under way."""

    path: str


@dataclass(frozen=True)
class Job:
    """One sample of prompt `prompt` (an index into the order's prompts). `number` names it in the answers."""

    number: int
    prompt: int
    seed: int


@dataclass(frozen=True)
class Sample:
    """Samples to draw under one distribution, from the policy or (`base`) from the model without its adapter."""

    prompts: tuple[tuple[int, ...], ...]
    jobs: tuple[Job, ...]
    temperature: float
    top_p: float
    max_new_tokens: int
    stop_ids: tuple[int, ...]
    base: bool = False


@dataclass(frozen=True)
class Abort:
    """Give up every sample under way."""


@dataclass(frozen=True)
class Rest:
    """Give back memory: sleep at `level` as far as this device knows sleep."""

    level: int


@dataclass(frozen=True)
class Wake:
    """Take the memory again; after level 2 with weights read from disk, and without any adapter."""


@dataclass(frozen=True)
class Stop:
    """End the process."""


Order: TypeAlias = Start | LoadAdapter | Sample | Abort | Rest | Wake | Stop


@dataclass(frozen=True)
class Ready:
    """The model is loaded."""

    version: str


@dataclass(frozen=True)
class Done:
    """The order is carried out."""


@dataclass(frozen=True)
class Failed:
    """The order was not carried out, and the engine is in no state to go on. reason: one line."""

    kind: str
    reason: str


@dataclass(frozen=True)
class StepOutput:
    """What one step of the engine brought. The tokens of all jobs lie one after the other.

    number_b, length_b: a job and how many tokens it gained. ended_b: see `engine.sampling.sample_under_way`.
    """

    number_b: IntArray
    length_b: IntArray
    ended_b: IntArray
    tokens: IntArray
    logprobs: npt.NDArray[np.float32]


Reply: TypeAlias = Ready | Done | Failed | StepOutput
