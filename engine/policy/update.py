"""Policy: one model with LoRA adapters that plays both roles, and the update that trains the adapters.

An update takes the samples of a step, the coder's and the tester's, and
    1. leaves out truncated answers and answers with advantage 0,
    2. packs the others into micro-batches, longest first,
    3. scores each: log-probs under the policy, and with the adapters off (the KL reference; no second model),
    4. adds up the gradients of the loss (loss.py) and takes one optimiser step.
Setting `update`: "joint" takes one step over both roles. "sequential" takes a step on the coder's samples, then one on
the tester's, whose log-probs are computed again: their importance weight also corrects for the coder's step. With
several mini-batches, the clipped ratio is taken to the log-probs from before the first one.

The first mini-batch needs no extra pass for pi_old: its weights have not moved yet, so its old log-probs are those of
the forward pass that is trained. Its ratio is 1, and the sampler's log-probs enter through the importance weight alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TypeVar

import torch
from peft import PeftModel
from transformers import PreTrainedTokenizerBase

from engine.config import PolicyConfig
from engine.models.faults import first_line
from engine.policy import checkpoint
from engine.policy.adapter import base_of
from engine.policy.loss import LossNumbers, policy_loss, token_weights
from engine.policy.mini_batches import loss_inputs, mini_batch_seed, mini_batches, select, stages
from engine.policy.optimiser import build_optimiser
from engine.policy.packed.attention import PACKED_ATTENTION, register
from engine.policy.packed.batching import (
    Layout,
    MicroBatch,
    TokenSequence,
    build_micro_batch,
    plan_micro_batches,
    positions_alone,
)
from engine.policy.packed.layout_check import choose_layout
from engine.policy.packed.logprobs import score_tokens
from engine.policy.packed.memory_budget import MicroBatchBudget, free_cached_memory
from engine.policy.packed.recompute import Recompute
from engine.policy.samples import TrainSample, UpdateReport
from engine.policy.schedule import Schedule, learning_rate
from engine.policy.tally import ScoredTokens, Stopwatch, Tally

_Result = TypeVar("_Result")


class Policy:
    """Trainable policy: a model, its optimiser and its position in the schedule.

    Between calls the model is in evaluation mode with adapters on, so that the sampler can share it.
    """

    def __init__(
        self,
        model: PeftModel,
        tokenizer: PreTrainedTokenizerBase,
        settings: PolicyConfig,
        *,
        steps: int,
        temperature: float,
        seed: int,
        kl_measure_share: float = 0.25,
    ) -> None:
        """Take over `model`, whose adapters are the only parameters that may require gradients.

        steps: updates over which the learning rate decays.
        temperature: the sampler's; log-probs of sampler and trainer are comparable only at the same temperature.
        kl_measure_share: with kl_beta 0, the share of micro-batches on which the KL is still measured (0 = none).

        Raises:
            EnvironmentError_: packed and plain log-probs of this architecture do not agree, its layers cannot be
                recomputed, or the optimiser lacks its library or a GPU.
            ValueError: no trainable adapter, or a trainable base weight.
        """
        self.model = model
        self.tokenizer = tokenizer
        self.settings = settings
        self._schedule = Schedule.of(settings, steps)
        self._loss = LossNumbers(settings.clip_epsilon, settings.kl_beta, settings.importance_cap)
        self._temperature, self._seed, self._kl_measure_share = temperature, seed, kl_measure_share
        self._parameters = _adapter_parameters(model)
        self._optimiser = build_optimiser(
            settings.optimiser,
            self._parameters,
            learning_rate=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
        )
        self._budget = MicroBatchBudget(settings.micro_batch_tokens)
        self._warnings: list[str] = []
        self._updates_done = 0
        self._weights_version = 0
        register()
        base_of(model).set_attn_implementation(PACKED_ATTENTION)
        model.eval()
        self._recompute = Recompute(base_of(model)) if settings.checkpoint_activations else None
        self._choice = choose_layout(model, settings.micro_batch_tokens)

    @property
    def layout(self) -> Layout:
        """Layout of the micro-batches."""
        return self._choice.layout

    @property
    def notes(self) -> tuple[str, ...]:
        """Reason why the layout is not the fastest one; empty if it is."""
        return (self._choice.note,) if self._choice.note else ()

    @property
    def updates_done(self) -> int:
        """Number of updates so far, those before a resume included; the schedule counts in them."""
        return self._updates_done

    @property
    def weights_version(self) -> int:
        """Version that changes with every update and `load_state`, so that a sampler with a copy sees it is stale."""
        return self._weights_version

    def update(self, samples: Sequence[TrainSample]) -> UpdateReport:
        """Train on the samples of one step.

        Masked samples and samples with advantage 0 are left out and counted (the latter have no policy gradient, only
        KL). An optimiser step with NaN or inf in its loss or gradients is skipped and reported. When the GPU runs out
        of memory, micro-batches are halved, once, and the optimiser step is repeated.

        Raises RunError if memory runs out again; the policy is then as after the last complete optimiser step.
        """
        watch, tally = Stopwatch(), Tally()
        chosen = select(samples)
        rate = learning_rate(self._schedule, self._updates_done)
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        for stage in stages(chosen.trained, self.settings.update):
            parts = mini_batches(stage, self.settings.mini_batches, mini_batch_seed(self._seed, self._updates_done))
            # All old log-probs before the first step moves the weights. None: those of the trained pass itself.
            old_logprobs: list[list[torch.Tensor] | None] = [None]
            with watch.part("old_logprobs"):
                old_logprobs += [self._score(part) for part in parts[1:]]
            for part, old in zip(parts, old_logprobs, strict=True):
                self._step(part, old, tally, watch)
        self._updates_done += 1
        self._weights_version += 1
        warnings, self._warnings = self._warnings, []
        return tally.report(
            kl_beta=self.settings.kl_beta,
            importance_cap=self.settings.importance_cap,
            learning_rate=rate,
            skipped_masked=chosen.masked,
            skipped_zero_advantage=chosen.zero_advantage,
            seconds=watch.read(),
            notes=warnings,
        )

    def logprobs(self, samples: Sequence[TrainSample]) -> list[tuple[float, ...]]:
        """Return the log-probs of every sample's answer tokens under the policy, at the sampler's temperature."""
        return [tuple(logprobs_s.tolist()) for logprobs_s in self._score(samples)]

    def reference_logprobs(self, samples: Sequence[TrainSample]) -> list[tuple[float, ...]]:
        """Return the same with adapters off: under the frozen base model, the KL's reference."""
        with self.model.disable_adapter():
            return self.logprobs(samples)

    def weights_digest(self) -> str:
        """Return a digest of the adapters: the same weights of the same base model give the same answers."""
        digest = hashlib.sha256()
        for parameter in _adapter_parameters(self.model):
            digest.update(parameter.detach().float().cpu().numpy().tobytes())
        return digest.hexdigest()

    def save_state(self, path: Path, *, best: bool = False) -> None:
        """Write adapters, optimiser, counters and torch's generators into folder `path`: all of it, best or not."""
        checkpoint.save(path, self.model, self._optimiser, self._updates_done, self.settings.optimiser)

    def load_state(self, path: Path) -> None:
        """Continue from the output of `save_state`; on the CPU, with the same numbers. Raises RunError."""
        self._updates_done = checkpoint.load(path, self.model, self._optimiser, self.settings.optimiser)
        self._weights_version += 1

    def forget_state(self, path: Path) -> None:
        """Do nothing: the state is in the folder `path`, which the caller removes."""

    def load_adapter(self, path: Path) -> None:
        """Take over the adapters that another run has saved; optimiser and schedule stay fresh. Raises RunError."""
        checkpoint.load_adapter(path, self.model)
        self._weights_version += 1

    def export_adapter(self, path: Path) -> None:
        """Write the adapters as peft (and vLLM) read them: adapter_model.safetensors, adapter_config.json."""
        checkpoint.save_adapter(path, self.model)

    def export_merged(self, path: Path) -> None:
        """Write the whole model with the adapters merged, and the tokenizer, for `AutoModelForCausalLM`."""
        checkpoint.save_merged(path, self.model, self.tokenizer)

    def metrics(self) -> dict[str, float | None]:
        """Return the most GPU memory that the trainer has held, in MB; None without a GPU."""
        held = torch.cuda.max_memory_allocated() / 2**20 if torch.cuda.is_available() else None
        return {"peak_gpu_memory_mb": held}

    def close(self) -> None:
        """Do nothing: the model is freed with the process."""

    def _step(
        self,
        samples: Sequence[TrainSample],
        old_logprobs: list[torch.Tensor] | None,
        tally: Tally,
        watch: Stopwatch,
    ) -> None:
        """Take one optimiser step over `samples`; `old_logprobs`: of each, or None if no weight has moved since."""
        sequences = [TokenSequence(sample.prompt_ids, sample.token_ids) for sample in samples]
        weights_b = token_weights([len(sample.token_ids) for sample in samples])

        # Weights of the tokens sum to 1 over the whole step, not each micro-batch: how the samples are packed does not
        # change the gradient.
        def attempt() -> None:
            tally.restart()
            self._optimiser.zero_grad(set_to_none=True)
            plan = self._plan(sequences)
            finite = True
            for number, members in enumerate(plan):
                with watch.part("batching"):
                    batch = self._build(sequences, members)
                reference_a = None
                if self._takes_kl(number, len(plan)):
                    # The base model is this model with its adapters off: no second model in memory.
                    with watch.part("reference"), torch.no_grad(), self.model.disable_adapter():
                        reference_a = score_tokens(self.model, batch, self._temperature).logprobs_a
                with watch.part("forward_backward"):
                    finite = self._accumulate(batch, samples, weights_b, old_logprobs, reference_a, tally)
                if not finite:
                    break
            with watch.part("optimiser"):
                self._take(finite, tally)

        self._within_memory(sequences, attempt)

    def _take(self, finite: bool, tally: Tally) -> None:
        """Apply the clipped gradients, unless they or the loss are NaN or inf; clear them in any case."""
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self.settings.max_grad_norm) if finite else None
        if norm is not None and bool(torch.isfinite(norm)):
            self._optimiser.step()
            tally.keep(float(norm))
        else:
            tally.drop()
        self._optimiser.zero_grad(set_to_none=True)

    def _within_memory(self, sequences: Sequence[TokenSequence], attempt: Callable[[], _Result]) -> _Result:
        """Return the result of `attempt`; if the GPU runs out of memory, halve the micro-batches and repeat it."""
        while True:
            try:
                return attempt()
            except torch.OutOfMemoryError as error:
                fault = first_line(error)
            # Outside the handler, because the exception keeps the failed attempt's tensors alive.
            self._optimiser.zero_grad(set_to_none=True)
            free_cached_memory()
            self._warnings.append(self._budget.halve(max(map(positions_alone, sequences)), fault))

    def _accumulate(
        self,
        batch: MicroBatch,
        samples: Sequence[TrainSample],
        weights_b: Sequence[float],
        old_logprobs: list[torch.Tensor] | None,
        reference_a: torch.Tensor | None,
        tally: Tally,
    ) -> bool:
        """Add one micro-batch's gradient. Return False, with nothing added, if its loss is not finite."""
        members = [samples[i] for i in batch.members]
        with self._recompute.trained_pass() if self._recompute else nullcontext():
            scores = score_tokens(self.model, batch, self._temperature)
        detached_a = scores.logprobs_a.detach()
        old_a = detached_a if old_logprobs is None else torch.cat([old_logprobs[i] for i in batch.members])
        inputs = loss_inputs(members, [weights_b[i] for i in batch.members], scores.logprobs_a, old_a, reference_a)
        terms = policy_loss(inputs, self._loss)
        if not bool(torch.isfinite(terms.loss)):
            return False
        with self._recompute.trained_pass() if self._recompute else nullcontext():
            terms.loss.backward()
        lengths = [len(member.token_ids) for member in members]
        scored = ScoredTokens([member.role for member in members], lengths, scores.entropy_a, detached_a, reference_a)
        tally.add(terms, scored, float(inputs.weights_a.sum()))
        return True

    def _takes_kl(self, number: int, of: int) -> bool:
        """Return True if micro-batch `number` of `of` gets a reference pass: all if KL is penalised, else some in turn.

        Micro-batches are ordered by length; rotating the measured ones with the updates covers short and long answers.
        """
        if self.settings.kl_beta > 0:
            return True
        share = self._kl_measure_share
        measured = max(1, round(share * of)) if share > 0 else 0
        return (number - self._updates_done * measured) % of < measured

    def _score(self, samples: Sequence[TrainSample]) -> list[torch.Tensor]:
        """Return the log-probs [s] of each sample's answer, without gradient, adapters as they are."""
        sequences = [TokenSequence(sample.prompt_ids, sample.token_ids) for sample in samples]

        def attempt() -> dict[int, torch.Tensor]:
            logprobs_b: dict[int, torch.Tensor] = {}
            for members in self._plan(sequences):
                scores_a = score_tokens(self.model, self._build(sequences, members), self._temperature)
                lengths = [len(sequences[i].token_ids) for i in members]
                logprobs_b.update(zip(members, scores_a.logprobs_a.split(lengths), strict=True))
            return logprobs_b

        with torch.no_grad():
            logprobs_b = self._within_memory(sequences, attempt)
        return [logprobs_b[i] for i in range(len(samples))]

    def _plan(self, sequences: Sequence[TokenSequence]) -> list[tuple[int, ...]]:
        return plan_micro_batches(sequences, self._budget.tokens, self.layout)

    def _build(self, sequences: Sequence[TokenSequence], members: tuple[int, ...]) -> MicroBatch:
        base = base_of(self.model)
        return build_micro_batch(sequences, members, self.layout, base.dtype, base.device, self._choice.kernel)


def _adapter_parameters(model: PeftModel) -> list[torch.nn.Parameter]:
    named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    strays = [name for name, _ in named if "lora_" not in name]
    if strays or not named:
        raise ValueError(f"expected trainable LoRA adapters only, got {strays[:3] or 'none'}")
    return [parameter for _, parameter in named]
