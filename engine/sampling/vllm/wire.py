"""Messages between trainer and vLLM process: small frozen dataclasses, pickled over a socket pair.

The trainer sends orders. The worker answers each one with Done or Failed, except Sample: it sends one StepOutput for
each engine step that produced tokens, until every job has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

IntArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Start:
    """First order: load the model with these arguments of `vllm.EngineArgs`. Answered by Ready."""

    arguments: dict[str, Any]


@dataclass(frozen=True)
class LoadAdapter:
    """Order to use the adapter in folder `path` from now on. No sample may be unfinished."""

    path: str


@dataclass(frozen=True)
class Job:
    """One sample of prompt `prompt` (an index into the order's prompts). `number` identifies it in the answers."""

    number: int
    prompt: int
    seed: int


@dataclass(frozen=True)
class Sample:
    """Order to draw samples with one set of parameters, from the policy or (`base`) without the adapter."""

    prompts: tuple[tuple[int, ...], ...]
    jobs: tuple[Job, ...]
    temperature: float
    top_p: float
    max_new_tokens: int
    stop_ids: tuple[int, ...]
    base: bool = False


@dataclass(frozen=True)
class Abort:
    """Order to abandon every unfinished sample."""


@dataclass(frozen=True)
class Rest:
    """Order to sleep at `level` and release memory; on a CPU vLLM keeps its memory."""

    level: int


@dataclass(frozen=True)
class Wake:
    """Order to wake up; after level 2 the weights are read from disk again and no adapter is loaded."""


@dataclass(frozen=True)
class Stop:
    """Order to end the process."""


Order: TypeAlias = Start | LoadAdapter | Sample | Abort | Rest | Wake | Stop


@dataclass(frozen=True)
class Ready:
    """Answer: the model is loaded; version of vLLM."""

    version: str


@dataclass(frozen=True)
class Done:
    """Answer: the order is done. notice: what the user should know of it; empty as a rule."""

    notice: str = ""


@dataclass(frozen=True)
class Failed:
    """Answer: the order failed and the engine cannot continue. kind: the exception's class; reason: one line."""

    kind: str
    reason: str


@dataclass(frozen=True)
class StepOutput:
    """Tokens of one engine step; the tokens of all jobs are concatenated.

    number_b, length_b: job number, and how many tokens the job gained. ended_b: see `engine.sampling.sample_under_way`.
    """

    number_b: IntArray
    length_b: IntArray
    ended_b: IntArray
    tokens: IntArray
    logprobs: npt.NDArray[np.float32]


Reply: TypeAlias = Ready | Done | Failed | StepOutput
