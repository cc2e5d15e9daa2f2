"""Engine in memory with the surface of `TinkerClient`: a tiny model whose adapters are trained by autograd and AdamW.

It adds up as servers do, from the datums that the real client would send, and can be told to do wrong what servers do
wrong without an error.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from peft import PeftModel

from engine.errors import EnvironmentError_, RunError
from engine.policy.checkpoint import save_adapter
from engine.policy.tinker.client import RemoteModel, Sampled, SamplerHandle
from engine.policy.tinker.datum import Datum, FloatArray, Reduction, filled_up, scales
from engine.sampling.protocol import SamplingParams

Weights = dict[str, torch.Tensor]

LIES = {
    "token mean": "takes the mean over all tokens of a batch",
    "prompt counts": "counts the prompt in the mean of a sequence",
    "half a batch": "adds up every second sequence alone",
    "normalises": "scales coefficients to a largest one of 1",
    "no norm": "reports no norm of the gradient",
    "moves at rate 0": "takes a step at learning rate 0",
    "nan": "has log-probs that are not numbers",
    "another temperature": "samples with the log-probs of temperature 2",
    "no stop": "ignores stop tokens",
    "hides stop": "leaves the stop token out",
    "rounds states": "saves a state in four bits",
}
"""What a server may do wrong without an error."""


class FakeEngine:
    """One server. slots: adapters that it holds at a time. states: what it has saved, by path."""

    def __init__(self, model: PeftModel, slots: int = 4) -> None:
        self.model, self.slots = model, slots
        self.fresh = self.weights()
        self.adapters: dict[str, tuple[Weights, dict[str, Any]]] = {}
        self.states: dict[str, tuple[Weights, dict[str, Any]]] = {}
        self.samplers: dict[str, Weights] = {}
        self.created = 0
        self.has_base = True
        self.exports = True
        self.stale = False
        self.lies: frozenset[str] = frozenset()  # what it does wrong without an error; see LIES
        self.loses_gradient_norm_to: float | None = None

    def weights(self) -> Weights:
        return {n: p.detach().clone() for n, p in self.model.named_parameters() if p.requires_grad}

    def load(self, weights: Weights) -> None:
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(weights[name])

    def scores(self, datum: Datum) -> torch.Tensor:
        ids = torch.tensor([[*datum.prompt_ids, *datum.answer_ids]])
        logits = self.model(input_ids=ids, use_cache=False).logits[0].float().log_softmax(-1)
        targets = ids[0, len(datum.prompt_ids) :, None]
        scores = logits[len(datum.prompt_ids) - 1 : -1].gather(1, targets)[:, 0]
        return scores * math.nan if "nan" in self.lies else scores

    def reduced(self, losses: list[torch.Tensor], data: Sequence[Datum], reduction: Reduction) -> torch.Tensor:
        """Add up the losses of the tokens of each sequence, as `reduction` says or as the engine lies."""
        prompts = [len(each.prompt_ids) - 1 if "prompt counts" in self.lies else 0 for each in data]
        if "token mean" in self.lies:
            return torch.cat(losses).mean()
        if "half a batch" in self.lies and len(losses) > 16:
            return torch.cat(losses[::2]).sum() / 2
        if reduction is Reduction.SUM:
            return torch.cat(losses).sum()
        by_sequence = [each.sum() / (len(each) + prompt) for each, prompt in zip(losses, prompts, strict=True)]
        return torch.stack(by_sequence).mean()


class FakeClient:
    """Client of a `FakeEngine`; see `TinkerClient`, whose checks it repeats where a test leans on them."""

    url = "http://engine.test:8000"
    context_length = 64

    def __init__(self, engine: FakeEngine, reduction: Reduction = Reduction.SUM, rank: int = 4) -> None:
        self.engine, self.rank = engine, rank
        self.adds_up = reduction
        self.reduction: Reduction | None = reduction  # what the client takes it for
        self.policy: RemoteModel | None = None
        self.lost: Future[None] = Future()
        self.traffic = SimpleNamespace(sent=0, received=0)
        self.connection = SimpleNamespace(
            served=SimpleNamespace(name="tiny"), sdk=SimpleNamespace(__version__="0.25.0"), lost=self.lost
        )
        self.handle: SamplerHandle | None = None
        self.asked: list[tuple[int, int]] = []  # (n, seed) of every request for samples
        self.steps: list[int] = []  # datums of every gradient
        self.deleted: list[str] = []
        self.gradient: Weights | None = None
        self.closed = False

    def create_model(self, seed: int) -> RemoteModel:
        engine = self.engine
        if len(engine.adapters) >= engine.slots:
            raise EnvironmentError_(f"{self.url} has no adapter slot left", "wait six minutes")
        engine.created += 1
        model = RemoteModel(f"model-{engine.created}", None)
        engine.adapters[model.id] = (copy.deepcopy(engine.fresh), {"step": 0})
        self.policy = self.policy or model
        return model

    def forward(self, data: Sequence[Datum], model: RemoteModel | None = None) -> list[FloatArray]:
        self.engine.load(self.engine.adapters[(model or self._trained()).id][0])
        with torch.no_grad():
            return [self.engine.scores(each).numpy() for each in data]

    def forward_backward(self, data: Sequence[Datum]) -> None:
        if not all(np.isfinite(each.coefficients).all() and np.isfinite(each.old_logprobs).all() for each in data):
            raise ValueError("a gradient on the server cannot be taken back")
        self.steps.append(len(data))
        full = filled_up(data, self.reduction)
        factors = [1.0] * len(full) if self.reduction is None else scales(full, self.reduction)
        self.engine.load(self.engine.adapters[self._trained().id][0])
        losses = []
        for datum, factor in zip(full, factors, strict=True):
            ratio = torch.exp(self.engine.scores(datum) - torch.as_tensor(np.asarray(datum.old_logprobs)))
            coefficients = torch.as_tensor(np.asarray(datum.coefficients)) * factor
            if "normalises" in self.engine.lies:
                coefficients = coefficients / coefficients.abs().max().clamp(min=1.0)
            losses.append(-(coefficients * ratio))
        total = self.engine.reduced(losses, full, self.adds_up)
        named = [(n, p) for n, p in self.engine.model.named_parameters() if p.requires_grad]
        gradients = torch.autograd.grad(total, [p for _, p in named])
        self.gradient = {name: g for (name, _), g in zip(named, gradients, strict=True)}

    def optim_step(
        self, learning_rate: float, betas: tuple[float, float] = (0.9, 0.95), eps: float = 1e-8
    ) -> float | None:
        assert self.gradient is not None, "no gradient"
        weights, moments = self.engine.adapters[self._trained().id]
        learning_rate = learning_rate or (0.1 if "moves at rate 0" in self.engine.lies else 0.0)
        moments["step"] += 1
        for name, gradient in self.gradient.items():
            first = moments.setdefault(f"m.{name}", torch.zeros_like(gradient))
            second = moments.setdefault(f"v.{name}", torch.zeros_like(gradient))
            first.mul_(betas[0]).add_(gradient, alpha=1 - betas[0])
            second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
            corrected = second / (1 - betas[1] ** moments["step"])
            weights[name] -= learning_rate * (first / (1 - betas[0] ** moments["step"])) / (corrected.sqrt() + eps)
        norm = math.sqrt(sum(float((g.double() ** 2).sum()) for g in self.gradient.values()))
        self.gradient, self.handle = None, None
        if "no norm" in self.engine.lies:
            return None
        lost = self.engine.loses_gradient_norm_to
        return norm if lost is None else lost

    def sync_sampler(self) -> SamplerHandle:
        if self.handle is None:
            path = f"tinker://{self._trained().id}/sampler_weights/{len(self.engine.samplers)}"
            old = list(self.engine.samplers.values())
            weights = old[-1] if self.engine.stale and old else self.engine.adapters[self._trained().id][0]
            self.engine.samplers[path] = copy.deepcopy(weights)
            self.handle = SamplerHandle(path, None)
        return self.handle

    def sample(
        self,
        handle: SamplerHandle,
        prompt_ids: Sequence[int],
        n: int,
        params: SamplingParams,
        stop_ids: Sequence[int],
        seed: int,
    ) -> Future[Any]:
        if handle is not self.handle:
            raise ValueError("this sampler is of weights before the last update")
        self.asked.append((n, seed))
        self.engine.load(self.engine.samplers[handle.path])
        future: Future[Any] = Future()
        future.set_result([self._drawn(tuple(prompt_ids), params, stop_ids, seed + place) for place in range(n)])
        return future

    def sampled(self, future: Future[Any], n: int, params: SamplingParams, stop_ids: Sequence[int]) -> list[Sampled]:
        return list(future.result())

    def prompt_logprobs(self, token_ids: Sequence[int], handle: SamplerHandle | None = None) -> FloatArray:
        assert handle is None
        if not self.engine.has_base:
            raise RunError(f"{self.url} refuses to score a prompt", "use another server")
        self.engine.load(self.engine.fresh)
        with torch.no_grad():
            return self.engine.scores(Datum(tuple(token_ids[:1]), tuple(token_ids[1:]))).numpy()

    def save_state(self, name: str) -> str:
        path = f"tinker://{self._trained().id}/weights/{name}-{len(self.engine.states)}"
        weights, moments = copy.deepcopy(self.engine.adapters[self._trained().id])
        if "rounds states" in self.engine.lies:
            weights = {key: (8 * each).round() / 8 for key, each in weights.items()}
        self.engine.states[path] = weights, moments
        return path

    def load_state(self, path: str) -> RemoteModel:
        if path not in self.engine.states:
            raise RunError(f"{self.url} no longer has this checkpoint", "start it with the database of the run")
        if self.policy is not None:
            self.unload(self.policy)
        self.policy = self.handle = None
        model = self.create_model(0)
        self.engine.adapters[model.id] = copy.deepcopy(self.engine.states[path])
        return model

    def unload(self, model: RemoteModel | str) -> None:
        model_id = model if isinstance(model, str) else model.id
        self.engine.adapters.pop(model_id, None)
        if self.policy is not None and self.policy.id == model_id:
            self.policy = self.handle = None

    def unload_all(self) -> None:
        for model_id in list(self.engine.adapters):
            self.unload(model_id)

    def delete(self, path: str) -> None:
        if self.closed:
            raise RunError(f"{self.url} does not answer", "start it again")
        self.deleted.append(path)
        self.engine.states.pop(path, None)

    def export_adapter(self, folder: Path, handle: SamplerHandle | None = None, alpha: float = 32.0) -> None:
        if not self.engine.exports:
            raise RunError("the server's archive holds no adapter", "look into the server's log")
        self.engine.load(self.engine.adapters[self._trained().id][0])
        save_adapter(folder, self.engine.model)

    def close(self) -> None:
        self.closed = True
        self.engine.adapters.clear()

    def _trained(self) -> RemoteModel:
        assert self.policy is not None, "no model has been created"
        return self.policy

    def _drawn(
        self, prompt_ids: tuple[int, ...], params: SamplingParams, stop_ids: Sequence[int], seed: int
    ) -> Sampled:
        generator = torch.Generator().manual_seed(seed)
        token_ids: list[int] = []
        logprobs: list[float] = []
        with torch.no_grad():
            while len(token_ids) < params.max_new_tokens:
                ids = torch.tensor([[*prompt_ids, *token_ids]])
                logits = self.engine.model(input_ids=ids, use_cache=False).logits[0, -1].float()
                scaled = (logits / (params.temperature or 1.0)).softmax(-1)
                chosen = int(
                    scaled.argmax() if not params.temperature else torch.multinomial(scaled, 1, generator=generator)
                )
                if chosen in stop_ids and "hides stop" in self.engine.lies:
                    break
                token_ids.append(chosen)
                shown = logits / 2 if "another temperature" in self.engine.lies else logits
                logprobs.append(float(shown.log_softmax(-1)[chosen]))
                if chosen in stop_ids and "no stop" not in self.engine.lies:
                    break
        return Sampled(tuple(token_ids), tuple(logprobs), token_ids[-1] in stop_ids)
