"""Learner on a Tinker server: this process selects, weighs and differentiates; the server scores and trains.

An update makes the same optimiser steps of the same samples as `engine.policy.update`, in these parts:
    1. old log-probs          one forward over a stage, before its first step moves the weights
    2. reference              the base model's log-probs, for the KL
    3. forward and backward   the surrogate's coefficients (loss.py), sent to the server
    4. optimiser              Adam's step at the schedule's learning rate
The sampler's weights follow at the next `sample` (sampler.py).

Numbers are checked before 3: a gradient on the server cannot be taken back, and its optimiser would train on NaN.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from engine.config import PolicyConfig
from engine.errors import CureError, EnvironmentError_, RunError
from engine.policy.loss import LossNumbers, token_weights
from engine.policy.mini_batches import mini_batch_seed, mini_batches, select, stages
from engine.policy.samples import TrainSample, UpdateReport
from engine.policy.schedule import Schedule, learning_rate
from engine.policy.tally import Stopwatch, Tally
from engine.policy.tinker.client import SamplerHandle, TinkerClient
from engine.policy.tinker.datum import Datum, FloatArray, Reduction
from engine.policy.tinker.loss import Surrogate, surrogate
from engine.policy.tinker.reference import Reference, open_reference
from engine.policy.tinker.saved import SavedState, read_state

MEASURE_EVERY = 4
"""With kl_beta 0, the KL is measured on every fourth sample, in turn."""

_DATABASE_BYTES_A_POSITION = 45
"""Growth of SkyRL's database for each position of each request: 32 MB in 14 steps of nano. It deletes none."""


class TinkerLearner:
    """Learner whose model, optimiser and sampler are on a server.

    Its model is created at first need, not before: a resumed run loads one instead, and some servers have room for
    one model alone.
    """

    def __init__(
        self,
        client: TinkerClient,
        settings: PolicyConfig,
        *,
        steps: int,
        seed: int,
        on_notice: Callable[[str], object] = lambda text: None,
    ) -> None:
        """Take over `client`, whose probes have found its reduction.

        steps: updates over which the learning rate decays. seed: of the adapter and of the order of mini-batches.
        on_notice: receives sentences for the user.
        """
        if client.reduction is None:
            raise ValueError("the server's reduction has not been measured: coefficients would be scaled wrongly")
        self.client, self.settings = client, settings
        self._schedule = Schedule.of(settings, steps)
        self._loss = LossNumbers(settings.clip_epsilon, settings.kl_beta, settings.importance_cap)
        self._seed, self._on_notice = seed, on_notice
        self._reference: Reference | None = None
        self._has_asked_for_reference = False
        self._updates_done = self._weights_version = 0
        self._digest = hashlib.sha256(f"{client.connection.served.name}/{seed}".encode()).hexdigest()
        self._exports_adapters = True
        self._positions = 0

    @property
    def updates_done(self) -> int:
        return self._updates_done

    @property
    def weights_version(self) -> int:
        return self._weights_version

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what the server decides, whatever the settings say."""
        said = [
            f"the server at {self.client.url} trains and samples: policy.precision, micro_batch_tokens and "
            "checkpoint_activations, rollout.max_batch and sampling_threads are not read",
            "gradients are clipped as the server was started, not by policy.max_grad_norm",
        ]
        if self.client.reduction is Reduction.SUM:
            said.append("AdamW's betas and weight decay are those that the server was started with, not policy.betas")
        return tuple(said)

    def update(self, samples: Sequence[TrainSample]) -> UpdateReport:
        """Train on the samples of one step; see `Learner.update`.

        Raises RunError: the server is lost, or its gradient is not finite, when its weights are lost, too.
        """
        watch, tally = Stopwatch(), Tally()
        chosen = select(samples)
        rate = learning_rate(self._schedule, self._updates_done)
        for stage in stages(chosen.trained, self.settings.update):
            parts = mini_batches(stage, self.settings.mini_batches, mini_batch_seed(self._seed, self._updates_done))
            with watch.part("old_logprobs"):
                old_logprobs = [self._forward(part) for part in parts]
            for number, (part, old_b) in enumerate(zip(parts, old_logprobs, strict=True)):
                present_b = old_b
                if number:  # an earlier step has moved the weights
                    with watch.part("old_logprobs"):
                        present_b = self._forward(part)
                self._step(part, present_b, old_b, rate, tally, watch)
        self._updates_done += 1
        self._weights_version += 1
        return tally.report(
            kl_beta=self.settings.kl_beta,
            importance_cap=self.settings.importance_cap,
            learning_rate=rate,
            skipped_masked=chosen.masked,
            skipped_zero_advantage=chosen.zero_advantage,
            seconds=watch.read(),
            entropy_estimated=True,
        )

    def logprobs(self, samples: Sequence[TrainSample]) -> list[tuple[float, ...]]:
        """Return the log-probs of every sample's answer tokens under the policy, at temperature 1."""
        return [tuple(map(float, logprobs_s)) for logprobs_s in self._forward(samples)]

    def sync(self) -> SamplerHandle:
        """Return a sampler of the present weights; the one before must not be used any more."""
        self._ensure_policy()
        return self.client.sync_sampler()

    def weights_digest(self) -> str:
        """Return a digest of all that has been trained so far: of every coefficient, log-prob and learning rate."""
        return self._digest

    def save_state(self, path: Path, *, best: bool = False) -> None:
        """Have the server save model and optimiser, and write its name of them into `path`, best with its adapter."""
        model = self._ensure_policy()
        where = self.client.save_state(f"update-{self._updates_done}")
        connection, policy = self.client.connection, self.settings
        SavedState(
            url=self.client.url,
            model_id=model,
            path=where,
            base=connection.served.name,
            rank=self.client.rank,
            alpha=policy.server_alpha,
            reduction=str(self.client.reduction),
            sdk=str(connection.sdk.__version__),
            updates_done=self._updates_done,
            digest=self._digest,
        ).write(path)
        if best and self._exports_adapters:
            self._fetch_adapter(path)

    def load_state(self, path: Path) -> None:
        """Continue from the output of `save_state`: bit for bit on SkyRL's JAX backend.

        Raises RunError: the server no longer has the state, or it is of another model.
        """
        state = read_state(path)
        own = (self.client.connection.served.name, self.client.rank, self.settings.server_alpha)
        if (state.base, state.rank, state.alpha) != own:
            raise RunError(
                f"checkpoint {path} was trained as {state.base} with rank {state.rank} and alpha {state.alpha:g}",
                "keep model.source, policy.lora_rank and policy.server_alpha of the run",
            )
        try:
            self.client.unload(state.model_id)  # a killed run's model keeps its slot for minutes
            self.client.load_state(state.path)
        except CureError as error:
            step = path.name.removeprefix("step-").lstrip("0") or "0"
            raise RunError(
                f"the server at {self.client.url} does not continue from step {step}: {error.message}",
                "start it with the database and the --checkpoints-base of the run; without them the run cannot go on",
            ) from error
        self._updates_done, self._digest = state.updates_done, state.digest
        self._weights_version += 1

    def forget_state(self, path: Path) -> None:
        """Delete the state that a checkpoint names on the server, which deletes nothing itself; never raises."""
        try:
            self.client.delete(read_state(path).path)
        except CureError as error:
            self._on_notice(f"the server may still hold the state of {path.name.lstrip('.')}: {error.message}")

    def load_adapter(self, path: Path) -> None:
        """Raise EnvironmentError_: a server loads no adapter in peft's format."""
        raise EnvironmentError_(f"a Tinker server cannot load the adapter in {path}", "start without --from")

    def export_adapter(self, path: Path) -> None:
        """Write the present adapter as peft (and vLLM) read it. Raises RunError."""
        self._ensure_policy()
        self.client.export_adapter(path, alpha=self.settings.server_alpha)

    def metrics(self) -> dict[str, float | None]:
        """Return the bodies sent and received since the start, and how much the server's database has grown by them."""
        traffic = self.client.traffic
        return {
            "engine_sent_mb": traffic.sent / 1e6,
            "engine_received_mb": traffic.received / 1e6,
            "engine_database_mb": self._positions * _DATABASE_BYTES_A_POSITION / 1e6,
        }

    def count_positions(self, positions: int) -> None:
        """Count positions of requests that do not pass through the learner: prompts and answers of the sampler."""
        self._positions += positions

    def close(self) -> None:
        """Unload the models and end the session; a server that is gone by now changes nothing."""
        self.client.close()

    def _step(
        self,
        samples: Sequence[TrainSample],
        present_b: Sequence[FloatArray],
        old_b: Sequence[FloatArray],
        rate: float,
        tally: Tally,
        watch: Stopwatch,
    ) -> None:
        """Take one optimiser step over `samples`, unless anything in it is NaN or inf."""
        weights_b = token_weights([len(sample.token_ids) for sample in samples])
        data: list[Datum] = []
        for members, takes_kl in self._passes(len(samples)):
            part = [samples[i] for i in members]
            present = [present_b[i] for i in members]
            reference_b = None
            if takes_kl:
                with watch.part("reference"):
                    reference_b = self._reference_logprobs(part)
            with watch.part("forward_backward"):
                linear = surrogate(
                    part, [weights_b[i] for i in members], present, [old_b[i] for i in members], reference_b, self._loss
                )
            if not linear.finite:
                tally.drop()
                return
            self._keep(linear, tally, data)
        with watch.part("forward_backward"):
            self.client.forward_backward(data)
            self._count(data)
        with watch.part("optimiser"):
            norm = self.client.optim_step(rate, self.settings.betas)
        self._digest = _digest_of(self._digest, data, rate)
        if norm is not None and not math.isfinite(norm):
            raise RunError(
                f"the gradient's norm on {self.client.url} is {norm}, and the server's weights have taken the step",
                "lower policy.learning_rate in the run's config.toml, then resume the run from its checkpoint",
            )
        tally.keep(norm or 0.0)

    @staticmethod
    def _keep(linear: Surrogate, tally: Tally, data: list[Datum]) -> None:
        tally.add(linear.terms, linear.scored, linear.weight)
        data += linear.data

    def _passes(self, count: int) -> list[tuple[list[int], bool]]:
        """Split a step's samples into those with and without the KL: all with it if penalised, else some in turn."""
        everyone = list(range(count))
        if self.settings.kl_beta > 0:
            return [(everyone, True)]
        if self._open_reference() is None:
            return [(everyone, False)]
        measured = [i for i in everyone if (i - self._updates_done) % MEASURE_EVERY == 0]
        others = [i for i in everyone if (i - self._updates_done) % MEASURE_EVERY]
        return [(members, members is measured) for members in (measured, others) if members]

    def _forward(self, samples: Sequence[TrainSample]) -> list[FloatArray]:
        self._ensure_policy()
        data = [Datum(sample.prompt_ids, sample.token_ids) for sample in samples]
        self._count(data)
        return self.client.forward(data)

    def _reference_logprobs(self, samples: Sequence[TrainSample]) -> list[FloatArray]:
        reference = self._open_reference()
        if reference is None:
            raise EnvironmentError_(
                f"the server at {self.client.url} gives no log-probs of the base model, which the KL penalty needs",
                "set policy.kl_beta = 0.0, or start a server with room for two adapters",
            )
        data = [Datum(sample.prompt_ids, sample.token_ids) for sample in samples]
        self._count(data)
        return reference.logprobs(data)

    def _open_reference(self) -> Reference | None:
        if not self._has_asked_for_reference:
            self._ensure_policy()
            self._has_asked_for_reference = True
            self._reference, why = open_reference(self.client, Datum((0,), (0,)))
            if self._reference is None:
                self._on_notice(f"the KL to the base model is not measured: {why}")
            elif self._reference.note:
                self._on_notice(self._reference.note)
        return self._reference

    def _ensure_policy(self) -> str:
        """Return the server's name of the policy's model, which is created at first need."""
        model = self.client.policy or self.client.create_model(self._seed)
        return model.id

    def _fetch_adapter(self, path: Path) -> None:
        """Put the adapter into a checkpoint, so that the run can be used with the server gone."""
        try:
            self.export_adapter(path)
        except RunError as error:
            # Servers that keep merged models have none; the checkpoint itself is whole.
            self._exports_adapters = False
            self._on_notice(
                f"checkpoints have no adapter of their own ({error.message}): export them beside the server"
            )

    def _count(self, data: Sequence[Datum]) -> None:
        self.count_positions(sum(len(each.prompt_ids) + len(each.answer_ids) for each in data))


def _digest_of(before: str, data: Sequence[Datum], rate: float) -> str:
    digest = hashlib.sha256(f"{before}/{rate!r}".encode())
    for each in data:
        for values in (each.old_logprobs, each.coefficients):
            digest.update(np.asarray(values, np.float32).tobytes())
    return digest.hexdigest()
