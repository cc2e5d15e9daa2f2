"""VllmSampler: the `Sampler` whose model runs in vLLM, with the policy's adapter swapped in after every update.

`sample` starts the process if necessary, wakes it, loads the current adapter and has the canary verify it. Then it
sends all requests at once, vLLM batches them, and each completion is yielded as it ends.

It is deterministic in (requests, params, weights) only in part. Each sample draws with its own seed, whatever is
sampled beside it. But vLLM sums in an order that depends on the batch, so log-probs differ in their last bits; where
two tokens are that close, the sample may continue differently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from engine.errors import ConfigError, EnvironmentError_, RunError
from engine.sampling.adapters import AdapterExports, Canary, Reading
from engine.sampling.answer_text import answer_text
from engine.sampling.protocol import AdapterSource, Completion, OnDelta, Request, SamplingParams
from engine.sampling.sample_under_way import SampleUnderWay
from engine.sampling.swapping import Swaps
from engine.sampling.vllm.compat import MAX_TEMPERATURE, require_vllm
from engine.sampling.vllm.process import VllmGone, VllmProcess
from engine.sampling.vllm.settings import VllmSettings
from engine.sampling.vllm.under_way import UnderWay
from engine.sampling.vllm.wire import Abort, LoadAdapter, Rest, Wake

_CANARY_SEED = 1


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that the sampler uses."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str: ...


class VllmSampler(Swaps):
    """A `Sampler`. The first `sample` starts the process: the trainer has then taken its GPU memory already.

    source: owner of the adapter to sample with; None samples from the base model. canary: checks the weights; None
    where they are not being trained.
    scratch: a folder of the run, for adapters where shared memory is full. log: file for vLLM's own output.
    on_notice: called with a sentence for the user: a restart and its reason.
    """

    def __init__(
        self,
        settings: VllmSettings,
        source: AdapterSource | None,
        tokenizer: Tokenizer,
        *,
        scratch: Path,
        log: Path,
        canary: Canary | None,
        temperature: float = 1.0,
        on_notice: Callable[[str], object] = lambda text: None,
    ) -> None:
        super().__init__()
        require_vllm(settings.precision)
        self._settings, self._tokenizer, self.canary = settings, tokenizer, canary
        self._temperature, self._log, self._on_notice = temperature, log, on_notice
        self.exports = None if source is None else AdapterExports(source, scratch)
        self._process: VllmProcess | None = None
        self._loaded: int | None = None
        self._resting = False
        self._started_before = False
        self._has_shrunk = False
        self._numbers = 0
        self._under_way: UnderWay | None = None

    @property
    def settings(self) -> VllmSettings:
        return self._settings

    @property
    def process_id(self) -> int | None:
        """Process id of vLLM; None while it is not running."""
        return None if self._process is None else self._process.pid

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        """Yield completions as they end, all with the current weights.

        Samples that an earlier call left unfinished are abandoned. A vLLM that dies or hangs is restarted and draws the
        unfinished samples again, with the same seeds; their deltas continue where they stopped.

        Raises:
            ConfigError: prompt and completion do not fit `max_model_len`; the temperature is too high for vLLM.
            EnvironmentError_: vLLM does not start, or does not compute what the trainer computes.
            RunError: it samples from other weights than the policy's, or was lost more often than `restarts`.
        """
        self._check(requests, params)
        with self._swap_clock():
            self._give_up()
            self._until_it_works(self._prepare)
        under_way = UnderWay(requests, params, self._settings.stop_ids, self._numbers)
        self._numbers = under_way.last_number
        self._under_way = under_way
        return self._completions(under_way, on_delta)

    def rest(self) -> None:
        """Put vLLM to sleep at `sleep_level`. If it dies of it, the next `sample` restarts it."""
        with self._swap_clock():
            self._under_way = None
            if self._process is None or self._resting:
                return
            try:
                notice = self._process.ask(Rest(self._settings.sleep_level))
                self._resting = True
                if notice:
                    self._on_notice(notice)
            except VllmGone as fault:
                self._note_restart(fault)

    def close(self) -> None:
        self._under_way = None
        if self._process is not None:
            self._process.close()
            self._process = None
        if self.exports is not None:
            self.exports.close()

    # For the canary ---------------------------------------------------------------------------------------------

    def load(self, adapter: Path) -> None:
        self._running.ask(LoadAdapter(str(adapter)))

    def read(self, prompt_ids: tuple[int, ...], tokens: int, *, base: bool = False) -> Reading:
        request = Request("canary", prompt_ids, 1, _CANARY_SEED)
        params = SamplingParams(temperature=self._temperature, max_new_tokens=tokens)
        under_way = UnderWay([request], params, (), self._numbers)
        self._numbers = under_way.last_number
        self._running.send(under_way.order(base=base))
        while True:
            for sample in under_way.take(self._running.next_step()):
                if sample.ended:
                    return Reading(tuple(sample.token_ids), tuple(sample.logprobs))

    # The process ------------------------------------------------------------------------------------------------

    @property
    def _running(self) -> VllmProcess:
        if self._process is None:
            raise VllmGone("it is not running")
        return self._process

    def _prepare(self) -> None:
        """Start and wake vLLM where necessary, load the current adapter, run the canary."""
        if self._process is None:
            self._start()
        woken = self._resting
        if woken:
            _release_cached_memory()
            self._running.ask(Wake())
            self._resting = False
            if self._settings.sleep_level == 2:
                self._loaded = None
        if self.exports is None:
            self._started_before = True
            return None
        version, adapter = self.exports.latest()
        swapped = version != self._loaded
        if swapped:
            self.load(adapter)
        checks = self.canary is not None and (swapped or woken or not self._started_before)
        if checks and not self._checked(self.exports, adapter):
            return self._prepare()
        self._loaded, self._started_before = version, True
        return None

    def _checked(self, exports: AdapterExports, adapter: Path) -> bool:
        """Have the canary check the adapter that is loaded; return False to start again with a smaller KV cache.

        The trainer computes the canary's log-probs while vLLM is awake, so its pass needs memory beside the KV cache.
        Raises EnvironmentError_ where it still finds none.
        """
        from torch import OutOfMemoryError

        canary = self.canary
        assert canary is not None
        try:
            if self._started_before:
                canary.check_again(self, adapter)
            else:
                canary.check_start(self, exports, adapter)
        except OutOfMemoryError as fault:
            what = "the trainer's check of vLLM's log-probs ran out of GPU memory"
            _release_cached_memory()
            if not self._shrinks_cache(what):
                cache = (self._settings.kv_cache_bytes or 0) / 2**30
                smaller = f"set vllm.kv_cache_gb = {max(cache - 1, 0.5):.1f}" if cache else "set vllm.kv_cache_gb"
                raise EnvironmentError_(what, f"{smaller}, or end other programs on the card") from fault
            if self._process is not None:
                self._process.close()
                self._process = None
            return False
        return True

    def _start(self) -> None:
        _release_cached_memory()
        self._resting, self._loaded = False, None
        try:
            self._process = VllmProcess(self._settings, self._log)
        except VllmGone as fault:
            if _is_out_of_memory(fault) and self._shrinks_cache("vLLM ran out of GPU memory at its start"):
                return self._start()
            if self._started_before:
                raise
            raise EnvironmentError_(f"vLLM does not start: {fault.reason}", _start_remedy(fault, self._log)) from fault
        return None

    def _shrinks_cache(self, what: str) -> bool:
        """Plan a KV cache that is 1 GiB smaller and tell the user; return False the second time, or if it is fixed."""
        smaller = None if self._has_shrunk else self._settings.with_smaller_cache()
        if smaller is None:
            return False
        self._settings, self._has_shrunk = smaller, True
        size = (smaller.kv_cache_bytes or 0) / 2**30
        self._on_notice(f"{what}; it starts again with a KV cache of {size:.1f} GiB, 1 GiB less")
        return True

    def _until_it_works(self, action: Callable[[], None]) -> None:
        while True:
            try:
                return action()
            except VllmGone as fault:
                self._note_restart(fault)

    def _note_restart(self, fault: VllmGone) -> None:
        """Clear away the lost process and count it. Raises RunError: it was lost more often than `restarts`."""
        if self._process is not None:
            self._process.close(at_once=True)
            self._process = None
        self._resting = False
        if self.restarts >= self._settings.restarts:
            times = f"{self.restarts + 1} times" if self.restarts else "once"
            raise RunError(
                f"vLLM was lost {times} in this run; last error: {fault.reason}",
                f"see {self._log}; resume the run, perhaps with a smaller vllm.kv_cache_gb or rollout.max_batch",
            ) from fault
        self.restarts += 1
        self._on_notice(f"vLLM was lost ({fault.reason}); restart {self.restarts} of {self._settings.restarts}")

    # Sampling ---------------------------------------------------------------------------------------------------

    def _completions(self, under_way: UnderWay, on_delta: OnDelta | None) -> Iterator[Completion]:
        self._check_current(under_way)
        self._until_it_works(lambda: self._submit(under_way))
        stream_every = self._settings.stream_every
        while under_way.count:
            ended: list[SampleUnderWay] = []
            try:
                for sample in under_way.take(self._running.next_step()):
                    if on_delta is not None:
                        delta = sample.take_delta(1 if sample.ended else stream_every)
                        if delta is not None:
                            on_delta(delta)
                    if sample.ended:
                        ended.append(sample)
            except VllmGone as fault:
                with self._swap_clock():
                    self._note_restart(fault)
                    self._until_it_works(lambda: self._submit(under_way))
            for sample in ended:
                yield sample.completion(answer_text(self._tokenizer, sample.token_ids))
                self._check_current(under_way)

    def _submit(self, under_way: UnderWay) -> None:
        """Order all unfinished samples from their first token, after a restart where vLLM is not running."""
        if self._process is None:
            self._prepare()
        self._running.send(under_way.order(base=self.exports is None))

    def _check_current(self, under_way: UnderWay) -> None:
        if self._under_way is not under_way:
            raise RuntimeError("a later call of sample, rest or close has abandoned these samples")

    def _give_up(self) -> None:
        unfinished, self._under_way = self._under_way, None
        if unfinished is not None and unfinished.count and self._process is not None:
            try:
                self._process.ask(Abort())
            except VllmGone as fault:
                self._note_restart(fault)

    def _check(self, requests: Sequence[Request], params: SamplingParams) -> None:
        ids = [request.id for request in requests]
        if len(set(ids)) != len(ids):
            raise ValueError("two requests have the same id")
        if params.temperature > MAX_TEMPERATURE:
            raise ConfigError(
                f"vLLM samples at temperatures up to {MAX_TEMPERATURE:g}, not {params.temperature:g}",
                "lower rollout.temperature and evaluation.temperature",
            )
        longest = max((len(request.prompt_ids) for request in requests), default=0)
        if longest + params.max_new_tokens > self._settings.max_model_len:
            raise ConfigError(
                f"a prompt of {longest} tokens and {params.max_new_tokens} new ones exceed the "
                f"{self._settings.max_model_len} that vLLM was started for",
                "lower max_new_tokens or --max-tokens, or give shorter problems",
            )


def _release_cached_memory() -> None:
    """Release torch's cached GPU memory, which vLLM could not allocate otherwise."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _is_out_of_memory(fault: VllmGone) -> bool:
    return fault.kind == "OutOfMemoryError" or "out of memory" in fault.reason.lower()


def _start_remedy(fault: VllmGone, log: Path) -> str:
    if _is_out_of_memory(fault) or "memory" in fault.reason.lower():
        return f"lower vllm.kv_cache_gb or rollout.max_batch, or take a smaller preset; details in {log}"
    return f"details in {log}"
