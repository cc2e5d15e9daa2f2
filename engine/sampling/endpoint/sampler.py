"""EndpointSampler: the `Sampler` whose model runs in `vllm serve` processes that the user has started.

`sample` first asks every server which models it serves, loads the current adapter where it is missing, and has the
server's canary verify it. A server that does not answer is skipped, with a notice, and asked again by the next call.
When a server is lost during a call, the others take over its samples. When none is left, the run ends; it can be
resumed.
"""

from __future__ import annotations

import queue
import resource
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from engine.config import RolloutConfig
from engine.errors import ConfigError, RunError
from engine.sampling.adapters import AdapterExports, Canary, Reading
from engine.sampling.answer_text import answer_text
from engine.sampling.endpoint.server import Piece, Server, ServerLost
from engine.sampling.endpoint.spreading import AllLost, Gained, Lost, Spreading
from engine.sampling.protocol import AdapterSource, Completion, OnDelta, Request, SamplingParams
from engine.sampling.sample_under_way import SampleUnderWay
from engine.sampling.swapping import Swaps
from engine.seeds import derive_seed
from engine.servers.addresses import Address
from engine.servers.background import Background
from engine.servers.client import Client
from engine.servers.settings import key_for, read_endpoints

_CANARY_SEED = 1


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that the sampler uses."""

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str: ...


@dataclass(eq=False)
class _Peer:
    """A server and its state. version: of the weights loaded as `adapter`; None: unknown."""

    server: Server
    canary: Canary | None
    version: int | None = None
    adapter: str = ""
    base: str = ""
    judged: bool = False
    lost: bool = False


@dataclass(eq=False)
class _Call:
    """One call of `sample`: how many samples are left, and the queue of their news, which ends with None."""

    left: int
    news: queue.SimpleQueue[Gained | Lost | None] = field(default_factory=queue.SimpleQueue)


class EndpointSampler(Swaps):
    """A `Sampler` over HTTP.

    settings: `max_batch` bounds the samples at one server at a time (the samples of one prompt stay together even where
    they are more). stop_ids: tokens that end a completion. hang_seconds: a server with work that sends nothing for so
    long is lost.
    source: owner of the adapter to sample with. new_canary: makes the canary of one server; None only in tests.
    shared: a folder that the servers see under the same path. on_notice: called with a sentence when a server is lost
    or back.
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
                "the sampler 'endpoint' has no server", 'set rollout.endpoints = ["http://host:8000", ...]'
            )
        self._settings, self._tokenizer = settings, tokenizer
        self._stop_ids, self._lora_rank, self._hang_seconds = stop_ids, lora_rank, hang_seconds
        self._stream_every, self._on_notice = stream_every, on_notice
        self._exports = AdapterExports(source, shared, shared_memory=shared)
        _allow_many_streams(len(settings.endpoints) * settings.max_batch)
        self._clients = _clients(settings.endpoints)
        self._background = Background()
        self._peers = [
            _Peer(
                Server(client, patience=hang_seconds, lora_rank=lora_rank), None if new_canary is None else new_canary()
            )
            for client in self._clients
        ]
        self._name = f"cure-tui-{uuid.uuid4().hex[:8]}"
        self._call: _Call | None = None
        self._work: Future[None] | None = None

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        """Yield completions as they end, all with the current weights.

        Samples that an earlier call left unfinished are abandoned. When another server takes over a sample, its deltas
        continue where they stopped.

        Raises:
            ConfigError: prompt and completion do not fit a server's context.
            EnvironmentError_: a server is not vLLM, does not load adapters, or rejects the API key.
            RunError: no server is left; a server samples from other weights than the policy's.
        """
        ids = [request.id for request in requests]
        if len(set(ids)) != len(ids):
            raise ValueError("two requests have the same id")
        with self._swap_clock():
            self._give_up()
            longest = max((len(request.prompt_ids) for request in requests), default=0) + params.max_new_tokens
            peers = self._prepare(longest)
        groups = [[SampleUnderWay(request, index) for index in request.indices] for request in requests]
        call = self._call = _Call(sum(map(len, groups)))
        by_server = {peer.server: peer for peer in peers}

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
        """Abandon the samples of the current call. No memory of this machine is held between calls."""
        self._give_up()

    def close(self) -> None:
        if self._background.closed:
            return
        self._give_up()
        for peer in self._peers:
            if peer.adapter and not peer.lost:
                self._forget(peer, peer.adapter)
        for client in self._clients:
            self._background.wait(client.close())
        self._background.close()
        self._exports.close()

    # Servers ----------------------------------------------------------------------------------------------------

    def _prepare(self, longest: int) -> list[_Peer]:
        """Return the servers that answer, each with the current adapter loaded. Raises RunError: there is none."""
        version, folder = self._exports.latest()
        reasons = [self._prepare_peer(peer, version, folder, longest) for peer in self._peers]
        ready = [peer for peer, reason in zip(self._peers, reasons, strict=True) if not reason]
        if not ready:
            raise _all_lost(f"{self._peers[-1].server.url}: {reasons[-1]}")
        return ready

    def _prepare_peer(self, peer: _Peer, version: int, folder: Path, longest: int) -> str:
        """Load the current adapter into one server; return why the server is unavailable, empty where it is ready."""
        try:
            served = self._background.wait(peer.server.served())
            if served.max_model_len is not None and longest > served.max_model_len:
                raise ConfigError(
                    f"prompt and answer may take {longest} tokens; {peer.server.url} allows {served.max_model_len}",
                    f"start the server with --max-model-len {longest}, or lower max_new_tokens",
                )
            peer.base = served.base
            if peer.version != version or peer.adapter not in served.adapters:
                self._swap(peer, version, folder)
        except ServerLost as fault:
            self._lose(peer, fault.reason, "")
            return fault.reason
        if peer.lost:
            peer.lost = False
            self._on_notice(f"server {peer.server.url} is back")
        return ""

    def _swap(self, peer: _Peer, version: int, folder: Path) -> None:
        before, peer.version = peer.adapter, None
        watched = _Watched(peer, self._background, self._name, self._settings.temperature)
        if peer.canary is None:
            watched.load(folder)
        elif not peer.judged:
            peer.canary.check_start(watched, self._exports, folder)
            peer.judged = True
        else:
            watched.load(folder)
            peer.canary.check_again(watched, folder)
        peer.version = version
        if before and before != peer.adapter:
            self._forget(peer, before)

    def _lose(self, peer: _Peer, reason: str, consequence: str) -> None:
        peer.version = None
        if not peer.lost:
            peer.lost = True
            self.restarts += 1
            self._on_notice(f"server {peer.server.url} was lost ({reason}){consequence}")

    def _forget(self, peer: _Peer, adapter: str) -> None:
        try:
            self._background.wait(peer.server.unload(adapter))
        except ServerLost as fault:
            self._lose(peer, fault.reason, "")

    # Sampling ---------------------------------------------------------------------------------------------------

    def _completions(
        self, call: _Call, work: Future[None], by_server: dict[Server, _Peer], on_delta: OnDelta | None
    ) -> Iterator[Completion]:
        last_reason = ""
        while call.left:
            self._check_current(call)
            news = call.news.get()
            if news is None:
                self._check_current(call)
                try:
                    work.result()
                except AllLost as fault:
                    raise _all_lost(last_reason) from fault
                raise RuntimeError(f"{call.left} samples were never asked for")
            if isinstance(news, Lost):
                last_reason = f"{news.server.url}: {news.reason}"
                others = f"; the other servers take over {news.unfinished} answers" if news.unfinished else ""
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
                    yield sample.completion(answer_text(self._tokenizer, sample.token_ids))

    def _check_current(self, call: _Call) -> None:
        if self._call is not call:
            raise RuntimeError("a later call of sample, rest or close has abandoned these samples")

    def _give_up(self) -> None:
        self._call = None
        if self._work is not None:
            self._work.cancel()  # closes the streams, so that the servers abort the samples
            self._work = None


@dataclass(frozen=True)
class _Watched:
    """One server as its canary sees it. owner: prefix of this sampler's adapters, for servers that others use too."""

    peer: _Peer
    background: Background
    owner: str
    temperature: float

    def load(self, adapter: Path) -> None:
        name = f"{self.owner}-{adapter.name}"  # unique: a path of an export is never reused
        self.background.wait(self.peer.server.load(name, str(adapter)))
        self.peer.adapter = name

    def read(self, prompt_ids: tuple[int, ...], tokens: int, *, base: bool = False) -> Reading:
        return self.background.wait(self._reading(prompt_ids, tokens, base))

    async def _reading(self, prompt_ids: tuple[int, ...], tokens: int, base: bool) -> Reading:
        params = SamplingParams(temperature=self.temperature, max_new_tokens=tokens)
        model = self.peer.base if base else self.peer.adapter
        token_ids: list[int] = []
        logprobs: list[float] = []
        async for piece in self.peer.server.sample(model, prompt_ids, params, (), _CANARY_SEED, tokens):
            token_ids += piece.token_ids
            logprobs += piece.logprobs
        return Reading(tuple(token_ids), tuple(logprobs))


def _clients(urls: Sequence[str]) -> list[Client]:
    """Make a client for each address, which ignores proxies: the servers are the user's own. Raises ConfigError."""
    known = read_endpoints()
    addresses = [Address.parse(url.rstrip("/").removesuffix("/v1")) for url in urls]
    return [Client(address, key_for(address, known.of(address)), through_proxies=False) for address in addresses]


def _allow_many_streams(count: int) -> None:
    """Raise the limit on open files, commonly 1,024, by `count`: each stream needs a descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = soft + count if hard == resource.RLIM_INFINITY else min(soft + count, hard)
    if soft != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _all_lost(last: str) -> RunError:
    return RunError(f"no server of rollout.endpoints is left; last error: {last}", "restart them, then resume the run")
