"""HTTP client of one `vllm serve`: list models, load and unload adapters, stream token ids and log-probs."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2

from engine.config.rules import VLLM_LORA_RANKS
from engine.errors import EnvironmentError_, RunError
from engine.sampling.protocol import SamplingParams
from engine.sampling.sample_under_way import ENDED_BY_LENGTH, ENDED_BY_STOP_TOKEN, UNDER_WAY

_ENDED = {None: UNDER_WAY, "stop": ENDED_BY_STOP_TOKEN, "length": ENDED_BY_LENGTH}
_REASON_CHARS = 300
_CONNECT_SECONDS = 10.0


def start_command(lora_rank: int) -> str:
    """Return the command that starts a server for a run with adapters of this rank."""
    # vLLM takes only these ranks as --max-lora-rank; a lower adapter fits into the next one.
    lora_rank = next((rank for rank in VLLM_LORA_RANKS if rank >= lora_rank), lora_rank)
    return (
        f"VLLM_ALLOW_RUNTIME_LORA_UPDATING=True vllm serve MODEL --enable-lora --max-lora-rank {lora_rank} "
        "--logprobs-mode processed_logprobs"
    )


class ServerLost(Exception):
    """The server is unreachable, closed the stream or failed; others may take over its samples."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Served:
    """Models of a server: base name, adapter names, and tokens of prompt and answer (None where not reported)."""

    base: str
    adapters: frozenset[str]
    max_model_len: int | None


@dataclass(frozen=True)
class Piece:
    """Next tokens of a sample. ended: UNDER_WAY, ENDED_BY_STOP_TOKEN or ENDED_BY_LENGTH."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    ended: int


class Server:
    """Client of one server, for use in one event loop. Every coroutine may raise ServerLost.

    patience: timeout in seconds. last_heard: time.monotonic() of the latest data. lora_rank: of the run, for remedies.
    """

    def __init__(self, url: str, client: httpx2.AsyncClient, *, patience: float, lora_rank: int) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._client, self._patience, self._lora_rank = client, patience, lora_rank
        self.last_heard = time.monotonic()

    async def served(self) -> Served:
        """Fetch the models that the server has loaded. Raises EnvironmentError_: it is not vLLM, or rejects the key."""
        response = await self._ask("GET", "/v1/models")
        if response.status_code in (401, 403):
            raise EnvironmentError_(f"{self.url} rejects the API key", "set VLLM_API_KEY to the server's --api-key")
        try:
            models = response.json()["data"]
            base = next(model for model in models if not model.get("parent"))
            adapters = frozenset(model["id"] for model in models if model.get("parent"))
            return Served(base["id"], adapters, base.get("max_model_len"))
        except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
            raise EnvironmentError_(
                f"{self.url} does not answer /v1/models as vLLM does (status {response.status_code})",
                "put addresses of `vllm serve` into rollout.endpoints",
            ) from error

    async def load(self, name: str, path: str) -> None:
        """Load the adapter in folder `path` as `name`. Raises EnvironmentError_: it loads none, or rejects this one."""
        response = await self._ask("POST", "/v1/load_lora_adapter", {"lora_name": name, "lora_path": path})
        if response.status_code == 200:
            return
        if response.status_code in (404, 405) and "error" not in response.text:
            raise EnvironmentError_(
                f"{self.url} does not load adapters at runtime", f"start it with {start_command(self._lora_rank)}"
            )
        raise EnvironmentError_(
            f"{self.url} rejects the adapter in {path}: {_reason(response)}",
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
        async with (
            self._faults(),
            self._client.stream("POST", f"{self.url}/v1/completions", json=body, timeout=self._timeout(None)) as reply,
        ):
            if reply.status_code != 200:
                await reply.aread()
                raise self._refusal(reply)
            async for line in reply.aiter_lines():
                self.last_heard = time.monotonic()
                if not line.startswith("data: {"):
                    continue
                piece = self._piece(json.loads(line.removeprefix("data: ")))
                if piece is not None:
                    yield piece
                    if piece.ended:
                        return
        raise ServerLost("it closed the stream in the middle of an answer")

    def _refusal(self, reply: httpx2.Response) -> Exception:
        # 404: the adapter is missing, so the server was restarted. The next call loads the adapter again.
        if reply.status_code >= 500 or reply.status_code in (404, 408, 429):
            return ServerLost(f"status {reply.status_code}: {_reason(reply)}")
        return RunError(f"{self.url} refuses to sample: {_reason(reply)}", "fix the server, then resume the run")

    def _piece(self, event: dict[str, Any]) -> Piece | None:
        if "error" in event:
            raise ServerLost(_short(str(event["error"])))
        if not event.get("choices"):
            return None
        (choice,) = event["choices"]
        finish = choice.get("finish_reason")
        if finish not in _ENDED:
            raise ServerLost(f"it ended an answer with finish_reason {finish!r}")
        token_ids = choice.get("token_ids")
        logprobs = (choice.get("logprobs") or {}).get("token_logprobs") or []
        if token_ids is None or len(token_ids) != len(logprobs):
            raise RunError(
                f"{self.url} does not return token ids and log-probs of its answers",
                "serve with vLLM 0.20 or newer, then resume the run",
            )
        return Piece(tuple(token_ids), tuple(logprobs), _ENDED[finish])

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx2.Response:
        async with self._faults():
            response = await self._client.request(
                method, f"{self.url}{path}", json=body, timeout=self._timeout(self._patience)
            )
        self.last_heard = time.monotonic()
        if response.status_code in (502, 503, 504):
            raise ServerLost(f"status {response.status_code}: {_reason(response)}")
        return response

    def _timeout(self, read: float | None) -> httpx2.Timeout:
        return httpx2.Timeout(self._patience, read=read, connect=_CONNECT_SECONDS)

    @asynccontextmanager
    async def _faults(self) -> AsyncIterator[None]:
        try:
            yield
        except httpx2.TimeoutException as error:
            raise ServerLost("the request timed out") from error
        except (httpx2.TransportError, json.JSONDecodeError) as error:
            raise ServerLost(_short(str(error)) or type(error).__name__) from error


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


def _reason(response: httpx2.Response) -> str:
    """Return the error message of the server, in one line."""
    try:
        body = response.json()
        error = body.get("error", body)
        return _short(str(error.get("message", error) if isinstance(error, dict) else error))
    except (ValueError, AttributeError):
        return _short(response.text)


def _short(text: str) -> str:
    return " ".join(text.split())[:_REASON_CHARS]
