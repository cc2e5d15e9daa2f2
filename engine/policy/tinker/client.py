"""Client of a Tinker server for one run: its policy, at most a reference beside it, and one sampler.

Rules that keep a run right where the server would not say a word:
- a model is created only if the server lists it: it would accept any name and train what it has;
- there is one sampler at a time, made anew after each update: an old one answers with new weights, and after the next
  sync it loads its old weights into the slot that is being trained;
- names of checkpoints are never used twice: the refusal of an old one is retried for five minutes;
- an answer that would not fit into the context is never asked for: it would be sampled without complaint.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.errors import ConfigError, CureError, RunError
from engine.policy.tinker.archive import MAX_ADAPTER_BYTES, unpack_adapter
from engine.policy.tinker.connection import Connection, Traffic
from engine.policy.tinker.datum import Datum, FloatArray, Reduction, filled_up, scales
from engine.policy.tinker.requests import parts_of
from engine.policy.tinker.watchdog import EVERY_SECONDS
from engine.policy.tinker.wire import model_input, training_row
from engine.sampling.protocol import SamplingParams

SERVER_ALPHA = 32.0
"""lora_alpha of a SkyRL server: the API cannot ask for another."""
SEEDS = 2**31 - 2**16
"""Seeds are below this: sample i of a request draws from seed + i, in 31 bits."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Time-outs in seconds. A GPU server builds Ray and the model at the first model, vLLM at the first sync."""

    create: float = 3600.0
    train: float = 3600.0
    sync: float = 3600.0
    sample: float = 7200.0
    save: float = 3600.0
    unload: float = 900.0


@dataclass(frozen=True, slots=True)
class RemoteModel:
    """LoRA adapter on the server, with its optimiser. id: the server's name of it."""

    id: str
    training: Any


@dataclass(frozen=True, slots=True)
class SamplerHandle:
    """The policy's weights as of one sync, to be sampled from until the next update. path: tinker:// ..."""

    path: str
    sampling: Any


@dataclass(frozen=True, slots=True)
class Sampled:
    """One answer. logprobs: at temperature 1, unfiltered. finished: a stop token ended it, which is its last token."""

    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finished: bool


class TinkerClient:
    """Client for one thread. Every method may raise CureError, with a remedy.

    policy: the trained model: the first one created, or the one loaded last. reduction: how the server adds up; the
    probes set it, and without it coefficients are sent as they are. context_length: in tokens; None: unknown.
    """

    def __init__(
        self,
        connection: Connection,
        rank: int,
        context_length: int | None = None,
        patience: Patience | None = None,
        on_models: Callable[[Sequence[str]], object] = lambda model_ids: None,
    ) -> None:
        self.connection, self.rank, self._on_models = connection, rank, on_models
        self.policy: RemoteModel | None = None
        self.reduction: Reduction | None = None
        self.context_length = context_length or connection.served.context_length
        self._patience = patience or Patience()
        self._types = connection.sdk.types
        self._models: list[RemoteModel] = []
        self._sampler: SamplerHandle | None = None
        self._base_sampling: Any = None
        self._mark, self._names = secrets.token_hex(4), 0

    @classmethod
    def open(
        cls,
        url: str,
        base_model: str,
        rank: int,
        *,
        context_length: int | None = None,
        patience: Patience | None = None,
        watch_every: float = EVERY_SECONDS,
        on_models: Callable[[Sequence[str]], object] = lambda model_ids: None,
    ) -> TinkerClient:
        """Connect to the server at `url`, which must serve `base_model` under exactly this name.

        context_length: in tokens, where the caller knows it; servers seldom say. on_models: receives the names of the
        models that the client holds, whenever they change. Raises EnvironmentError_: no SDK or another version, no key,
        no server, another model; ConfigError: no address.
        """
        return cls(Connection(url, base_model, watch_every), rank, context_length, patience, on_models)

    @property
    def url(self) -> str:
        """Address of the server, without a password."""
        return self.connection.url

    @property
    def traffic(self) -> Traffic:
        """Bytes sent and received so far."""
        return self.connection.traffic

    @property
    def lost(self) -> Future[None]:
        """Future that gets the error once the server is lost: for callers that wait for futures of `sample`."""
        return self.connection.lost

    def create_model(self, seed: int) -> RemoteModel:
        """Create an adapter that changes nothing yet (B = 0). seed: of its A. The first one becomes the policy."""
        asked = self.connection.service.create_lora_training_client_async(
            base_model=self.connection.served.name, rank=self.rank, seed=seed % SEEDS
        )
        training = self._wait(asked, self._patience.create, "create a model")
        model = RemoteModel(training.model_id, training)
        self._hold([*self._models, model])
        self.policy = self.policy or model
        return model

    def forward(self, data: Sequence[Datum], model: RemoteModel | None = None) -> list[FloatArray]:
        """Return the log-probs of the answers' tokens under `model` (the policy), at temperature 1; fp32."""
        if not data:
            return []
        rows = [training_row(self._types, each) for each in filled_up(data, self.reduction)]
        reply = self._wait(self._training(model).forward(rows, "cross_entropy"), self._patience.train, "score answers")
        return self._answers_logprobs(data, reply)

    def forward_backward(self, data: Sequence[Datum], model: RemoteModel | None = None) -> list[FloatArray]:
        """Add the gradient of sum -coefficient * logp over all answers' tokens; return their log-probs.

        The coefficients are scaled for the server's reduction here. As that is a mean over everything since the last
        `optim_step` on some servers, call it once between two of them.
        """
        if not data:
            return []
        if not all(np.isfinite(each.coefficients).all() and np.isfinite(each.old_logprobs).all() for each in data):
            raise ValueError("a gradient on the server cannot be taken back: leave out what is not finite")
        full = filled_up(data, self.reduction)
        factors = [1.0] * len(full) if self.reduction is None else scales(full, self.reduction)
        rows = [training_row(self._types, each, factor) for each, factor in zip(full, factors, strict=True)]
        asked = self._training(model).forward_backward(rows, "importance_sampling")
        return self._answers_logprobs(data, self._wait(asked, self._patience.train, "compute the gradient"))

    def optim_step(
        self,
        learning_rate: float,
        betas: tuple[float, float] = (0.9, 0.95),
        eps: float = 1e-8,
        model: RemoteModel | None = None,
    ) -> float | None:
        """Take Adam's step without weight decay; return the gradient's norm, None where the server does not say.

        Servers but JAX ignore betas and eps, which are their own; none honours a clip of the gradient.
        """
        trained = model or self.policy
        if trained is self.policy:
            self._sampler_is_old()
        parameters = self._types.AdamParams(
            learning_rate=learning_rate, beta1=betas[0], beta2=betas[1], eps=eps, weight_decay=0.0
        )
        reply = self._wait(self._training(model).optim_step(parameters), self._patience.train, "take a step")
        norms = [value for key, value in (reply.metrics or {}).items() if key.rpartition("/")[2] == "grad_norm"]
        return float(norms[0]) if norms else None

    def sync_sampler(self) -> SamplerHandle:
        """Return a sampler of the policy's present weights; the one before is dropped, and deleted on the server."""
        if self._sampler is not None:
            return self._sampler
        training = self._training(None)
        saved = self._wait(
            training.save_weights_for_sampler(self._new_name("sampler")), self._patience.sync, "sync the sampler"
        )
        parts_of(saved.path)
        asked = self.connection.service.create_sampling_client_async(model_path=saved.path)
        sampling = self._wait(asked, self._patience.sync, "sync the sampler")
        self._sampler = SamplerHandle(saved.path, sampling)
        return self._sampler

    def sample(
        self,
        handle: SamplerHandle,
        prompt_ids: Sequence[int],
        n: int,
        params: SamplingParams,
        stop_ids: Sequence[int],
        seed: int,
    ) -> Future[Any]:
        """Ask for `n` answers; hand the future to `sampled`. seed: below SEEDS; sample i draws from seed + i.

        Raises ConfigError: the answers may not fit into the context; ValueError: the handle is an old one.
        """
        if handle is not self._sampler:
            raise ValueError("this sampler is of weights before the last update: sync again")
        longest = len(prompt_ids) + params.max_new_tokens
        if self.context_length is not None and longest > self.context_length:
            raise ConfigError(
                f"a prompt of {len(prompt_ids)} tokens and an answer of {params.max_new_tokens} exceed the context "
                f"of {self.context_length}",
                "lower rollout.max_new_tokens, or leave out long tasks",
            )
        asked = self._types.SamplingParams(
            max_tokens=params.max_new_tokens,
            seed=seed % SEEDS,
            stop=list(stop_ids),
            temperature=params.temperature,
            top_p=params.top_p,
        )
        future: Future[Any] = handle.sampling.sample(model_input(self._types, prompt_ids), n, asked)
        return future

    def sampled(self, future: Future[Any], n: int, params: SamplingParams, stop_ids: Sequence[int]) -> list[Sampled]:
        """Wait for the answers of `sample` and return them by their index."""
        reply = self.connection.wait(future, self._patience.sample, "sample")
        if len(reply.sequences) != n:
            raise self._broken(f"{len(reply.sequences)} answers instead of {n}")
        return [self._answer(each, params, stop_ids) for each in reply.sequences]

    def prompt_logprobs(self, token_ids: Sequence[int], handle: SamplerHandle | None = None) -> FloatArray:
        """Return the log-probs of all tokens but the first, [len - 1], as the sampler sees them.

        handle: of the policy; None: under the base model, which some servers cannot do.
        """
        sampling = handle.sampling if handle else self._base()
        reply = self.connection.wait(
            sampling.compute_logprobs(model_input(self._types, token_ids)), self._patience.sample, "score a prompt"
        )
        values = list(reply or [])
        if len(values) == len(token_ids):  # the contract; JAX leaves the first one out
            values = values[1:]
        if len(values) != len(token_ids) - 1 or not all(isinstance(each, float) for each in values):
            raise self._broken(f"{len(values)} log-probs of a prompt of {len(token_ids)} tokens")
        return np.asarray(values, np.float32)

    def save_state(self, name: str) -> str:
        """Save the policy with its optimiser; return the tinker:// path. name: for people, made unique here."""
        saved = self._wait(
            self._training(None).save_state(self._new_name(name)), self._patience.save, "save the training state"
        )
        parts_of(saved.path)
        return str(saved.path)

    def load_state(self, path: str) -> RemoteModel:
        """Load a saved state with its optimiser into a new model, which becomes the policy; unload the one before.

        Before it is loaded, the model that wrote it is unloaded as well: a killed run's model keeps its slot.
        """
        for gone in {parts_of(path)[0], *([self.policy.id] if self.policy else [])}:
            self.unload(gone)
        model = self.create_model(0)
        self._wait(model.training.load_state_with_optimizer(path), self._patience.save, "load the training state")
        return model

    def delete(self, path: str) -> None:
        """Delete a saved state, or the sampler's weights, on the server; nothing else ever does."""
        self.connection.asked("delete a checkpoint", lambda: self.connection.requests.delete(path))

    def export_adapter(self, folder: Path, handle: SamplerHandle | None = None, alpha: float = SERVER_ALPHA) -> None:
        """Write the policy's adapter into `folder` in peft's format. handle: of a sync; None: present weights."""
        path = (handle or self.sync_sampler()).path
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with tempfile.TemporaryDirectory(dir=folder, prefix=".archive-") as scratch:
                archive = Path(scratch) / "adapter.tar"
                self.connection.asked(
                    "export the adapter", lambda: self.connection.requests.download(path, archive, MAX_ADAPTER_BYTES)
                )
                unpack_adapter(
                    archive,
                    folder,
                    base=self.connection.served.name,
                    rank=self.rank,
                    alpha=alpha,
                    most=MAX_ADAPTER_BYTES,
                )
        except OSError as error:
            raise RunError(f"cannot write {folder}: {error.strerror}", "free disk space") from error

    def unload(self, model: RemoteModel | str) -> None:
        """Unload a model and wait until its slot is free; one that the server does not know is unloaded already."""
        model_id = model if isinstance(model, str) else model.id
        if self.policy is not None and self.policy.id == model_id:
            self._sampler_is_old()
            self.policy = None
        self.connection.asked(
            "unload a model", lambda: self.connection.requests.unload(model_id, self._patience.unload)
        )
        self._hold([each for each in self._models if each.id != model_id])

    def unload_all(self) -> None:
        """Unload all models of this client; the next one created is the policy."""
        for model in list(self._models):
            self.unload(model)

    def close(self) -> None:
        """Drop the sampler, unload all models, end the session. A server that is gone by now changes nothing."""
        with suppress(CureError):
            self.unload_all()
        self.connection.close()

    def _hold(self, models: list[RemoteModel]) -> None:
        self._models = models
        self._on_models([each.id for each in models])

    def _wait(self, awaitable: Any, seconds: float, doing: str) -> Any:
        return self.connection.wait(self.connection.submit(awaitable), seconds, doing)

    def _training(self, model: RemoteModel | None) -> Any:
        chosen = model or self.policy
        if chosen is None:
            raise ValueError("no model has been created")
        return chosen.training

    def _sampler_is_old(self) -> None:
        """Drop the sampler before the weights change; its archive is deleted, as the server deletes nothing."""
        sampler, self._sampler = self._sampler, None
        if sampler is not None:
            self.delete(sampler.path)

    def _base(self) -> Any:
        if self._base_sampling is None:
            asked = self.connection.service.create_sampling_client_async(base_model=self.connection.served.name)
            self._base_sampling = self._wait(asked, self._patience.sync, "sample from the base model")
        return self._base_sampling

    def _new_name(self, kind: str) -> str:
        self._names += 1
        plain = "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in kind)
        return f"{plain[:64]}-{self._mark}-{self._names}"

    def _answers_logprobs(self, data: Sequence[Datum], reply: Any) -> list[FloatArray]:
        outputs = reply.loss_fn_outputs
        if len(outputs) < len(data):
            raise self._broken(f"log-probs of {len(outputs)} sequences instead of {len(data)}")
        found: list[FloatArray] = []
        for datum, output in zip(data, outputs, strict=False):
            values = np.asarray(output["logprobs"].to_numpy(), np.float32).reshape(-1) if "logprobs" in output else None
            if values is None or len(values) != len(datum.prompt_ids) + len(datum.answer_ids) - 1:
                raise self._broken("no log-probs, or of another sequence")
            found.append(values[len(datum.prompt_ids) - 1 :].copy())
        return found

    def _answer(self, sequence: Any, params: SamplingParams, stop_ids: Sequence[int]) -> Sampled:
        token_ids, logprobs = tuple(sequence.tokens), tuple(sequence.logprobs or ())
        if not 0 < len(token_ids) <= params.max_new_tokens or len(logprobs) != len(token_ids):
            raise self._broken(f"{len(token_ids)} tokens with {len(logprobs)} log-probs")
        if not np.isfinite(logprobs).all():
            raise self._broken("log-probs that are not finite")
        return Sampled(token_ids, logprobs, token_ids[-1] in stop_ids)

    def _broken(self, what: str) -> RunError:
        return RunError(f"{self.url} answers with {what}", "it must serve the Tinker API as SkyRL 0.4 does")
