"""HTTP client of one `vllm serve`: list models, load and unload adapters, stream token ids and log-probs."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from engine.config.rules import VLLM_LORA_RANKS
from engine.errors import EnvironmentError_, RunError
from engine.sampling.protocol import SamplingParams
from engine.sampling.sample_under_way import ENDED_BY_LENGTH, ENDED_BY_STOP_TOKEN, UNDER_WAY
from engine.servers.client import Bounds, Client, RequestFault, Trouble
from engine.servers.replies import Finish, NotAReply, ServedModels, read_error, read_models, read_piece
from engine.servers.settings import VLLM_KEY, key_remedy

_ENDED = {None: UNDER_WAY, Finish.STOP: ENDED_BY_STOP_TOKEN, Finish.LENGTH: ENDED_BY_LENGTH}
_MANNERS = (Trouble.TOO_LARGE, Trouble.REDIRECT)
_SECONDS_A_TOKEN = 2.0
"""Bound of a whole answer: slower than any server that is worth waiting for."""
_BYTES_A_TOKEN = 4096
_MAX_BYTES = 16 * 2**20
"""Bound of a reply without tokens, and of what a stream holds besides them: it repeats the prompt's tokens."""


def start_command(lora_rank: int) -> str:
    """Return the command that starts a server for a run with adapters of this rank."""
    # vLLM takes only these ranks as --max-lora-rank; a lower adapter fits into the next one.
    lora_rank = next((rank for rank in VLLM_LORA_RANKS if rank >= lora_rank), lora_rank)
    return (
        f"VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve MODEL --enable-lora --max-lora-rank {lora_rank} "
        """--logprobs-mode processed_logprobs --hf-overrides '{"head_dtype": "float32"}'"""
    )


class ServerLost(Exception):
    """The server is unreachable, closed the stream or failed; others may take over its samples."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Piece:
    """Next tokens of a sample. ended: UNDER_WAY, ENDED_BY_STOP_TOKEN or ENDED_BY_LENGTH."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    ended: int


@dataclass(frozen=True)
class _Reply:
    status: int
    body: bytes


class Server:
    """Client of one server, for use in one event loop. Every coroutine may raise ServerLost.

    patience: timeout in seconds. last_heard: time.monotonic() of the latest tokens or reply. lora_rank: of the run,
    for remedies. client: for the address, without /v1 at its end.
    """

    def __init__(self, client: Client, *, patience: float, lora_rank: int) -> None:
        self.url = client.address.url
        self._client, self._patience, self._lora_rank = client, patience, lora_rank
        self.last_heard = time.monotonic()

    async def served(self) -> ServedModels:
        """Fetch the models that the server has loaded. Raises EnvironmentError_: it is not vLLM, or rejects the key."""
        reply = await self._ask("GET", "/v1/models")
        if reply.status in (401, 403):
            if self._client.has_key:
                raise EnvironmentError_(f"{self.url} rejects the API key", "check it against the server's --api-key")
            raise EnvironmentError_(f"{self.url} rejects the API key: it got none", key_remedy(self.url, VLLM_KEY))
        try:
            return read_models(reply.body)
        except NotAReply as error:
            raise EnvironmentError_(
                f"{self.url} does not answer /v1/models as vLLM does (status {reply.status})",
                "put addresses of `vllm serve` into rollout.endpoints",
            ) from error

    async def load(self, name: str, path: str) -> None:
        """Load the adapter in folder `path` as `name`. Raises EnvironmentError_: it loads none, or rejects this one."""
        reply = await self._ask("POST", "/v1/load_lora_adapter", {"lora_name": name, "lora_path": path})
        if reply.status == 200:
            return
        if reply.status in (404, 405) and b"error" not in reply.body:
            raise EnvironmentError_(
                f"{self.url} does not load adapters at runtime", f"start it with {start_command(self._lora_rank)}"
            )
        raise EnvironmentError_(
            f"{self.url} rejects the adapter in {path}: {self._said(reply)}",
            "the server must see the run's folder under the same path (choose one with --run-dir), "
            f"and be started with {start_command(self._lora_rank)}",
        )

    async def unload(self, name: str) -> None:
        """Unload an adapter; a server that does not know it has nothing to unload, so its answer is ignored."""
        await self._ask("POST", "/v1/unload_lora_adapter", {"lora_name": name})

    async def sample(
        self,
        model: str,
        prompt_ids: tuple[int, ...],
        params: SamplingParams,
        stop_ids: tuple[int, ...],
        seed: int,
        stream_every: int,
    ) -> AsyncIterator[Piece]:
        """Yield pieces of one sample until it has ended. Raises RunError: the server refuses or sends no token ids."""
        body = _completion_request(model, prompt_ids, params, stop_ids, seed, stream_every)
        bounds = Bounds(
            self._patience + _SECONDS_A_TOKEN * params.max_new_tokens,
            _MAX_BYTES + _BYTES_A_TOKEN * params.max_new_tokens,
        )
        async with self._faults(), self._client.send("POST", "/v1/completions", body, bounds) as incoming:
            if incoming.status != 200:
                raise self._refusal(_Reply(incoming.status, await incoming.read()))
            drawn = 0
            async for data in incoming.documents():
                piece = None if data == b"[DONE]" else self._piece(data)
                if piece is not None:
                    self.last_heard = time.monotonic()
                    drawn += len(piece.token_ids)
                    if drawn > params.max_new_tokens:  # the update plans its memory by the longest answer
                        raise RunError(
                            f"{self.url} sends more than the {params.max_new_tokens} tokens asked for",
                            "serve with vLLM, then resume the run",
                        )
                    yield piece
                    if piece.ended:
                        return
        raise ServerLost("it closed the stream in the middle of an answer")

    def _refusal(self, reply: _Reply) -> Exception:
        # 404: the adapter is missing, so the server was restarted. The next call loads the adapter again.
        if reply.status >= 500 or reply.status in (404, 408, 429):
            return ServerLost(f"status {reply.status}: {self._said(reply)}")
        return RunError(f"{self.url} refuses to sample: {self._said(reply)}", "fix the server, then resume the run")

    def _piece(self, data: bytes) -> Piece | None:
        piece = read_piece(data)
        if piece is None:
            return None
        if piece.finish not in _ENDED:
            raise ServerLost(f"it ended an answer with finish_reason '{piece.finish}'")
        if piece.token_ids is None or piece.logprobs is None:
            raise RunError(
                f"{self.url} does not return token ids and log-probs of its answers",
                "serve with vLLM 0.20 or newer, then resume the run",
            )
        return Piece(piece.token_ids, piece.logprobs, _ENDED[piece.finish])

    def _said(self, reply: _Reply) -> str:
        return self._client.shown(read_error(reply.body))

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> _Reply:
        async with (
            self._faults(),
            self._client.send(method, path, body, Bounds(self._patience, _MAX_BYTES)) as incoming,
        ):
            reply = _Reply(incoming.status, await incoming.read())
        self.last_heard = time.monotonic()
        if reply.status in (502, 503, 504):
            raise ServerLost(f"status {reply.status}: {self._said(reply)}")
        return reply

    @asynccontextmanager
    async def _faults(self) -> AsyncIterator[None]:
        try:
            yield
        except RequestFault as fault:
            if fault.trouble is Trouble.TOO_SLOW:
                raise ServerLost("the request timed out") from fault
            raise ServerLost(f"it {fault.said}" if fault.trouble in _MANNERS else fault.said) from fault
        except NotAReply as fault:
            raise ServerLost(f"it {self._client.shown(str(fault))}") from fault


def _completion_request(
    model: str,
    prompt_ids: tuple[int, ...],
    params: SamplingParams,
    stop_ids: tuple[int, ...],
    seed: int,
    stream_every: int,
) -> dict[str, Any]:
    """Build the request. It names every sampling parameter: defaults would come from the model's generation config."""
    return {
        "model": model,
        "prompt": list(prompt_ids),
        "max_tokens": params.max_new_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "top_k": -1,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "seed": seed,
        "ignore_eos": True,  # only the stop tokens below end an answer
        "stop_token_ids": list(stop_ids),
        "logprobs": 0,
        "return_token_ids": True,
        "return_tokens_as_token_ids": True,
        "stream": True,
        "stream_interval": stream_every,  # ignored by versions that do not know it
    }
