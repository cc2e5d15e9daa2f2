"""Opening of writers: a spec becomes a loaded model or a connection; imports only what that needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from engine.config import RunConfig
from engine.machine.process_memory import grows_without_cycles
from engine.machine.resources import source_path
from engine.prompts import ChatTokenizer, Role, encode_prompt, missing_start, style_of
from engine.runs.checkpoints import Checkpoint
from engine.sampling import OnDelta, Sampler, SamplingParams
from engine.solve.named_model import named_model
from engine.solve.writers import Account, Writer
from engine.solve.writers.spec import WriterSpec

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel


@dataclass(frozen=True, slots=True)
class Wishes:
    """User's options that override the preset; None for those not given."""

    temperature: float | None
    max_tokens: int | None
    seed: int


def open_writer(
    spec: WriterSpec, wishes: Wishes, tell: Callable[[str], None], account: Account | None = None
) -> Writer:
    """Open the writer that `spec` names; call `tell` with a sentence if a corrupt checkpoint is replaced by another.

    account: where a writer at a server reserves its costs.

    Raises CureError: no such preset, run or model; an address without its key; a machine that lacks something.
    """
    if spec.kind == "openai":
        from engine.solve.writers.endpoints import DEFAULT_TEMPERATURE, DEFAULT_TOKENS, find_endpoint
        from engine.solve.writers.openai_chat import OpenAIWriter
        from engine.solve.writers.request_form import LIMIT

        params = SamplingParams(
            temperature=DEFAULT_TEMPERATURE if wishes.temperature is None else wishes.temperature,
            max_new_tokens=wishes.max_tokens or DEFAULT_TOKENS,
        )
        asked_for = {"temperature": wishes.temperature, LIMIT: wishes.max_tokens}
        insisted = [name for name, value in asked_for.items() if value is not None]
        return OpenAIWriter(find_endpoint(spec.name, spec.url), dict.fromkeys(Role, params), insisted, account)
    return load_model(spec, wishes.max_tokens, tell).writer(wishes)


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """Model of a spec, loaded; writers for any wishes share its sampler. step: of a run's checkpoint."""

    spec: WriterSpec
    config: RunConfig
    step: int | None
    sampler: Sampler
    tokenizer: ChatTokenizer

    def writer(self, wishes: Wishes, *, whole: bool = False, on_delta: OnDelta | None = None) -> Writer:
        """Return a writer over the model. whole: it waits for the end of every answer; see `SampledWriter`."""
        from engine.solve.writers.sampled import SampledWriter

        return SampledWriter(
            name=str(self.spec),
            sampler=self.sampler,
            tokenizer=self.tokenizer,
            params={role: _params(self.config, role, wishes) for role in Role},
            style=style_of(self.config.model),
            thinking=self.config.model.thinking,
            whole=whole,
            step=self.step,
            on_delta=on_delta,
        )


def load_model(spec: WriterSpec, max_tokens: int | None, tell: Callable[[str], None]) -> LoadedModel:
    """Load the model that a local spec names. max_tokens: of an answer; None: as long as its preset allows."""
    from engine.sampling.vllm.compat import installed_version

    config, checkpoint = named_model(spec, tell)
    # A preset made for vLLM works without vLLM too, only slower.
    with_vllm = config.rollout.sampler == "vllm" and installed_version() is not None
    longest = max_tokens or max(config.rollout.max_new_tokens_coder, config.rollout.max_new_tokens_tester)
    sampler, tokenizer = (_with_vllm if with_vllm else _with_transformers)(config, checkpoint, longest)
    if no_start := missing_start(tokenizer, encode_prompt(tokenizer, [{"role": "user", "content": "a"}], None)):
        tell(no_start)
    return LoadedModel(spec, config, checkpoint.step if checkpoint else None, sampler, tokenizer)


def _with_vllm(config: RunConfig, checkpoint: Checkpoint | None, longest_answer: int) -> tuple[Sampler, Any]:
    from engine.models.base_model import load_tokenizer
    from engine.models.model_files import locate_model
    from engine.solve.vllm_sampling import vllm_sampler

    tokenizer = load_tokenizer(locate_model(str(source_path(config.model.source))))
    return vllm_sampler(config, tokenizer, checkpoint, longest_answer), tokenizer


def _with_transformers(config: RunConfig, checkpoint: Checkpoint | None, longest_answer: int) -> tuple[Sampler, Any]:
    with grows_without_cycles():
        from engine.models import load_base_model
        from engine.models.device import default_device, sampling_threads
        from engine.sampling.local.sampler import TransformersSampler

    base = load_base_model(str(source_path(config.model.source)), config.policy.precision, default_device())
    model: PreTrainedModel | PeftModel = base.model
    if checkpoint is not None:
        model = _trained(base.model, checkpoint.path, config)
    sampler = TransformersSampler(
        model,
        cast(Any, base.tokenizer),
        max_batch=config.rollout.max_batch,
        threads=sampling_threads(config.rollout.sampling_threads, model),
    )
    return sampler, base.tokenizer


def _trained(base: PreTrainedModel, adapter: Path, config: RunConfig) -> PreTrainedModel | PeftModel:
    """Apply an adapter to `base`: merged, except into 4-bit weights, which would lose it by rounding again."""
    if config.policy.precision != "nf4":
        from engine.models.merged_lora import merge_lora

        merge_lora(base, adapter)
        return base
    from engine.policy.adapter import with_adapter

    return with_adapter(base, adapter)


def _params(config: RunConfig, role: Role, wishes: Wishes) -> SamplingParams:
    rollout = config.rollout
    longest = rollout.max_new_tokens_coder if role is Role.CODER else rollout.max_new_tokens_tester
    temperature = config.evaluation.temperature if wishes.temperature is None else wishes.temperature
    return SamplingParams(temperature, rollout.top_p, wishes.max_tokens or longest)
