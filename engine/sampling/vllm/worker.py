"""Main program of the vLLM process: `python -m engine.sampling.vllm.worker FD PID`.

FD is a socket to the trainer, PID the trainer's process id. The worker drives vLLM's engine step by step and sends the
tokens of each step. It ends with the trainer: when the socket closes, or when its parent is no longer PID.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from engine.sampling.sample_under_way import ENDED_BY_LENGTH, ENDED_BY_STOP_TOKEN, UNDER_WAY
from engine.sampling.vllm import compat
from engine.sampling.vllm.sleeping import SleepMode
from engine.sampling.vllm.wire import (
    Abort,
    Done,
    Failed,
    LoadAdapter,
    Order,
    Ready,
    Rest,
    Sample,
    Start,
    StepOutput,
    Stop,
    Wake,
)

ADAPTER_NAME, ADAPTER_ID = "policy", 1
_ENDED = {"stop": ENDED_BY_STOP_TOKEN, "length": ENDED_BY_LENGTH}
_PARENT_POLL_SECONDS = 1.0


class Worker:
    """One vLLM engine and its state: adapter, sleep, unfinished samples."""

    def __init__(self, arguments: dict[str, Any]) -> None:
        from vllm import EngineArgs
        from vllm.v1.engine.llm_engine import LLMEngine

        free_share = _free_share()
        if free_share is not None:
            arguments = arguments | {"gpu_memory_utilization": free_share}
        self._engine: Any = LLMEngine.from_engine_args(EngineArgs(**arguments))
        self._sleep = SleepMode(self._engine, frees_memory=bool(arguments["enable_sleep_mode"]))
        self._adapter: Any = None
        self._under_way: set[str] = set()

    @property
    def busy(self) -> bool:
        return bool(self._engine.has_unfinished_requests())

    def obey(self, order: Order) -> Done | None:
        if isinstance(order, Sample):
            self._add(order)
            return None
        if isinstance(order, LoadAdapter):
            self._load(order.path)
        elif isinstance(order, Rest):
            self._abort()
            return Done(self._sleep.rest(order.level))
        elif isinstance(order, Wake):
            if self._sleep.wake():
                self._adapter = None
        elif isinstance(order, Abort):
            self._abort()
        return Done()

    def step(self) -> StepOutput:
        numbers: list[int] = []
        lengths: list[int] = []
        ended: list[int] = []
        tokens: list[int] = []
        logprobs: list[float] = []
        for output in self._engine.step():
            (completion,) = output.outputs
            token_ids = completion.token_ids
            reason = completion.finish_reason
            if reason is not None and reason not in _ENDED:
                raise RuntimeError(f"a sample ended by {reason!r}")
            if reason is not None:
                self._under_way.discard(output.request_id)
            numbers.append(int(output.request_id))
            lengths.append(len(token_ids))
            ended.append(UNDER_WAY if reason is None else _ENDED[reason])
            tokens.extend(token_ids)
            # logprobs=0 gives the sampled token's log-prob alone; flat_logprobs avoids an object per token.
            logprobs.extend(completion.logprobs.logprobs)
        if len(tokens) != len(logprobs):
            raise RuntimeError(f"{len(logprobs)} log-probs for {len(tokens)} tokens")
        return StepOutput(
            number_b=np.array(numbers, dtype=np.int64),
            length_b=np.array(lengths, dtype=np.int64),
            ended_b=np.array(ended, dtype=np.int64),
            tokens=np.array(tokens, dtype=np.int64),
            logprobs=np.array(logprobs, dtype=np.float32),
        )

    def _add(self, order: Sample) -> None:
        from vllm import SamplingParams
        from vllm.inputs import tokens_input
        from vllm.sampling_params import RequestOutputKind

        if not order.base and self._adapter is None:
            raise RuntimeError("asked to sample from the policy, but no adapter is loaded")
        for job in order.jobs:
            params = SamplingParams(
                temperature=order.temperature,
                top_p=order.top_p,
                max_tokens=order.max_new_tokens,
                seed=job.seed,
                ignore_eos=True,  # only the order's stop tokens end a sample
                stop_token_ids=list(order.stop_ids),
                logprobs=0,
                flat_logprobs=True,
                detokenize=False,
                output_kind=RequestOutputKind.DELTA,
            )
            self._under_way.add(str(job.number))
            self._engine.add_request(
                str(job.number),
                tokens_input(list(order.prompts[job.prompt])),
                params,
                lora_request=None if order.base else self._adapter,
            )

    def _load(self, path: str) -> None:
        from vllm.lora.request import LoRARequest

        # load_inplace only here: on a request vLLM would read the file again at every step.
        if not self._engine.add_lora(LoRARequest(ADAPTER_NAME, ADAPTER_ID, path, load_inplace=True)):
            raise RuntimeError(f"vLLM did not take the adapter in {path}")
        self._engine.reset_prefix_cache()
        self._adapter = LoRARequest(ADAPTER_NAME, ADAPTER_ID, path)

    def _abort(self) -> None:
        self._engine.abort_request(sorted(self._under_way))
        self._under_way.clear()


def serve(trainer: Connection) -> None:
    """Obey the trainer's orders until Stop. Raises EOFError or ConnectionError when the trainer has died."""
    start = trainer.recv()
    if not isinstance(start, Start):
        raise TypeError(f"the first order is {start}")
    worker = Worker(start.arguments)
    trainer.send(Ready(compat.installed_version() or "unknown"))
    while True:
        while not worker.busy or trainer.poll():
            order = trainer.recv()
            if isinstance(order, Stop):
                return
            answer = worker.obey(order)
            if answer is not None:
                trainer.send(answer)
        output = worker.step()
        if output.number_b.size:
            trainer.send(output)


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the trainer handles Ctrl-C
    threading.Thread(target=_end_with_parent, args=(int(sys.argv[2]),), daemon=True).start()
    trainer = Connection(int(sys.argv[1]))
    try:
        serve(trainer)
    except (EOFError, ConnectionError):
        return 0
    except Exception as error:  # noqa: BLE001  (the trainer must learn of any failure of vLLM)
        import traceback

        traceback.print_exc()  # into the engine's log
        reason = " ".join(str(error).split())[:500]
        trainer.send(Failed(type(error).__name__, reason))
        return 1
    return 0


def _end_with_parent(parent: int) -> None:
    """Exit when `parent` has died, even if it died before this process started.

    While a model loads, the worker does not read its socket; a killed trainer must still not leave a GPU occupied.
    """
    while os.getppid() == parent:
        time.sleep(_PARENT_POLL_SECONDS)
    os._exit(1)


def _free_share() -> float | None:
    """Return the free share of the GPU's memory, less a margin: vLLM refuses to start with more. None on a CPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    return 0.97 * free / total


if __name__ == "__main__":
    sys.exit(main())
