"""EndpointSampler: the `Sampler` whose model runs in `vllm serve` processes that somebody else has started.

At the start of `sample`: which servers answer, what adapter they hold, is it that of now, does each server's canary
believe it. A server that does not answer is left out, with a notice, and asked again by the next call; one that is lost
in the middle leaves its work to the others. When none is left the run ends, and can be resumed.
"""

from __future__ import annotations

import os
import queue
import resource
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import httpx2

from engine.config import RolloutConfig
from engine.errors import ConfigError, RunError
from engine.sampling.adapters import AdapterExports, Canary, Reading
from engine.sampling.endpoint.background import Background
from engine.sampling.endpoint.server import Piece, Server, ServerLost
from engine.sampling.endpoint.spreading import AllLost, Gained, Lost, Spreading
from engine.sampling.protocol import AdapterSource, Completion, OnDelta, Request, SamplingParams
from engine.sampling.sample_under_way import SampleUnderWay
from engine.sampling.swapping import Swaps
from engine.seeds import derive_seed

API_KEY = "VLLM_API_KEY"
_CANARY_SEED = 1


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that the sampler uses."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str: ...


@dataclass(eq=False)
class _Line:
    """A server and what this sampler knows of it. version: of the weights under `adapter`; None: unknown."""

    server: Server
    canary: Canary | None
    version: int | None = None
    adapter: str = ""
    base: str = ""
    judged: bool = False
    lost: bool = False


@dataclass(eq=False)
class _Call:
    """The samples of one call, and where news of them come in; None is the end of all news."""

    left: int
    news: queue.SimpleQueue[Gained | Lost | None] = field(default_factory=queue.SimpleQueue)


class EndpointSampler(Swaps):
    """A `Sampler`.

    settings: whose max_batch is samples under way at a server, at most (but for the samples of one prompt, which stay
    together). stop_ids: tokens that end a completion. hang_seconds: without a word from a server that works.
    source: whose adapter is sampled with. new_canary: judges one server; None for tests of other things.
    shared: a folder that the servers see under the same path. on_notice: told in a sentence of a server lost or found.
    """

    def __init__(
        self,
        settings: RolloutConfig,
        source: AdapterSource,
        tokenizer: Tokenizer,
        *,
        stop_ids: tuple[int, ...],
        lora_rank: int,
        hang_seconds: float,
        shared: Path,
        new_canary: Callable[[], Canary] | None,
        stream_every: int = 8,
        on_notice: Callable[[str], object] = lambda text: None,
    ) -> None:
        super().__init__()
        if not settings.endpoints:
            raise ConfigError(
                "the sampler 'endpoint' knows no server", 'set rollout.endpoints = ["http://host:8000", ...]'
            )
        self._settings, self._tokenizer = settings, tokenizer
        self._stop_ids, self._lora_rank, self._hang_seconds = stop_ids, lora_rank, hang_seconds
        self._stream_every, self._on_notice = stream_every, on_notice
        self._exports = AdapterExports(source, shared, shared_memory=shared)
        _allow_many_streams(len(settings.endpoints) * settings.max_batch)
        self._background = Background()
        self._client = _new_client()
        self._lines = [self._line(url, new_canary) for url in settings.endpoints]
        self._name = f"cure-tui-{uuid.uuid4().hex[:8]}"
        self._call: _Call | None = None
        self._work: Future[None] | None = None

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        """Yield completions as they end, of the weights as they are now.

        Samples that an earlier call left unfinished are given up. Deltas of a sample that another server took over go
        on where they stood.

        Raises:
            ConfigError: prompt and completion do not fit a server's context.
            EnvironmentError_: a server is of another kind, takes no adapters, or is not given the key it wants.
            RunError: no server is left; one samples from other weights than the policy's.
        """
        ids = [request.id for request in requests]
        if len(set(ids)) != len(ids):
            raise ValueError("two requests have the same id")
        with self._swap_clock():
            self._give_up()
            longest = max((len(request.prompt_ids) for request in requests), default=0) + params.max_new_tokens
            lines = self._prepare(longest)
        groups = [[SampleUnderWay(request, index) for index in range(request.n)] for request in requests]
        call = self._call = _Call(sum(map(len, groups)))
        by_server = {line.server: line for line in lines}

        def ask_for(server: Server, sample: SampleUnderWay) -> AsyncIterator[Piece]:
            return server.sample(
                by_server[server].adapter,
                sample.request.prompt_ids,
                params,
                self._stop_ids,
                derive_seed(sample.request.seed, "sample", sample.index),
                self._stream_every,
            )

        spreading = Spreading(
            list(by_server),
            groups,
            ask_for,
            call.news.put,
            capacity=self._settings.max_batch,
            hang_seconds=self._hang_seconds,
        )
        self._work = self._background.start(spreading.run())
        self._work.add_done_callback(lambda work: call.news.put(None))
        return self._completions(call, self._work, by_server, on_delta)

    def rest(self) -> None:
        """Nothing of this machine is held between calls; samples under way are given up."""
        self._give_up()

    def close(self) -> None:
        if self._background.closed:
            return
        self._give_up()
        for line in self._lines:
            if line.adapter and not line.lost:
                self._forget(line, line.adapter)
        self._background.wait(self._client.aclose())
        self._background.close()
        self._exports.close()

    # Servers ----------------------------------------------------------------------------------------------------

    def _line(self, url: str, new_canary: Callable[[], Canary] | None) -> _Line:
        server = Server(url, self._client, patience=self._hang_seconds, lora_rank=self._lora_rank)
        return _Line(server, None if new_canary is None else new_canary())

    def _prepare(self, longest: int) -> list[_Line]:
        """The servers that answer, each with the adapter of now. Raises RunError: there is none."""
        version, folder = self._exports.latest()
        reasons = [self._prepare_line(line, version, folder, longest) for line in self._lines]
        ready = [line for line, reason in zip(self._lines, reasons, strict=True) if not reason]
        if not ready:
            raise _all_lost(f"{self._lines[-1].server.url}: {reasons[-1]}")
        return ready

    def _prepare_line(self, line: _Line, version: int, folder: Path, longest: int) -> str:
        """Empty, or why this server cannot be had."""
        try:
            served = self._background.wait(line.server.served())
            if served.max_model_len is not None and longest > served.max_model_len:
                raise ConfigError(
                    f"prompt and answer may take {longest} tokens, {line.server.url} takes {served.max_model_len}",
                    f"start the server with --max-model-len {longest}, or lower max_new_tokens",
                )
            line.base = served.base
            if line.version != version or line.adapter not in served.adapters:
                self._swap(line, version, folder)
        except ServerLost as fault:
            self._lose(line, fault.reason, "")
            return fault.reason
        if line.lost:
            line.lost = False
            self._on_notice(f"server {line.server.url} is back")
        return ""

    def _swap(self, line: _Line, version: int, folder: Path) -> None:
        before, line.version = line.adapter, None
        watched = _Watched(line, self._background, self._name, self._settings.temperature)
        if line.canary is None:
            watched.load(folder)
        elif not line.judged:
            line.canary.check_start(watched, self._exports, folder)
            line.judged = True
        else:
            watched.load(folder)
            line.canary.check_again(watched, folder)
        line.version = version
        if before and before != line.adapter:
            self._forget(line, before)

    def _lose(self, line: _Line, reason: str, consequence: str) -> None:
        line.version = None
        if not line.lost:
            line.lost = True
            self.restarts += 1
            self._on_notice(f"server {line.server.url} was lost ({reason}){consequence}")

    def _forget(self, line: _Line, adapter: str) -> None:
        try:
            self._background.wait(line.server.unload(adapter))
        except ServerLost as fault:
            self._lose(line, fault.reason, "")

    # Sampling ---------------------------------------------------------------------------------------------------

    def _completions(
        self, call: _Call, work: Future[None], by_server: dict[Server, _Line], on_delta: OnDelta | None
    ) -> Iterator[Completion]:
        last_reason = ""
        while call.left:
            self._insist_current(call)
            news = call.news.get()
            if news is None:
                self._insist_current(call)
                try:
                    work.result()
                except AllLost as fault:
                    raise _all_lost(last_reason) from fault
                raise RuntimeError(f"{call.left} samples were never asked for")
            if isinstance(news, Lost):
                last_reason = f"{news.server.url}: {news.reason}"
                others = f"; {news.unfinished} answers are sampled by the others" if news.unfinished else ""
                self._lose(by_server[news.server], news.reason, others)
            elif news.piece is None:
                news.sample.begin_anew()
            else:
                sample = news.sample
                sample.extend(news.piece.token_ids, news.piece.logprobs, news.piece.ended)
                if on_delta is not None:
                    delta = sample.take_delta(1 if sample.ended else self._stream_every)
                    if delta is not None:
                        on_delta(delta)
                if sample.ended:
                    call.left -= 1
                    yield sample.completion(self._tokenizer.decode(sample.token_ids, skip_special_tokens=True))

    def _insist_current(self, call: _Call) -> None:
        if self._call is not call:
            raise RuntimeError("these samples were given up by a later call of sample, rest or close")

    def _give_up(self) -> None:
        self._call = None
        if self._work is not None:
            self._work.cancel()  # closes the streams, at which the servers give the samples up
            self._work = None


@dataclass(frozen=True)
class _Watched:
    """One server as its canary asks it. owner: tells this sampler's adapters from those of others on the server."""

    line: _Line
    background: Background
    owner: str
    temperature: float

    def load(self, adapter: Path) -> None:
        name = f"{self.owner}-{adapter.name}"  # a path of an export is never used again: its last part tells versions
        self.background.wait(self.line.server.load(name, str(adapter)))
        self.line.adapter = name

    def read(self, prompt_ids: tuple[int, ...], tokens: int, *, base: bool = False) -> Reading:
        return self.background.wait(self._reading(prompt_ids, tokens, base))

    async def _reading(self, prompt_ids: tuple[int, ...], tokens: int, base: bool) -> Reading:
        params = SamplingParams(temperature=self.temperature, max_new_tokens=tokens)
        model = self.line.base if base else self.line.adapter
        token_ids: list[int] = []
        logprobs: list[float] = []
        async for piece in self.line.server.sample(model, prompt_ids, params, (), _CANARY_SEED, tokens):
            token_ids += piece.token_ids
            logprobs += piece.logprobs
        return Reading(tuple(token_ids), tuple(logprobs))


def _new_client() -> httpx2.AsyncClient:
    """One's own servers are reached directly, without a proxy; hundreds of streams are open at a time."""
    key = os.environ.get(API_KEY)
    return httpx2.AsyncClient(
        headers={"Authorization": f"Bearer {key}"} if key else {},
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=64),
        trust_env=False,
    )


def _allow_many_streams(count: int) -> None:
    """Each takes an open file, of which a process may have 1,024 unless it asks for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = soft + count if hard == resource.RLIM_INFINITY else min(soft + count, hard)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _all_lost(last: str) -> RunError:
    return RunError(
        f"no server of rollout.endpoints is left; the last was {last}", "start them again and resume the run"
    )
