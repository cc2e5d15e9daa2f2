"""Tiny model with its tokenizer, on disk and as a policy, and synthetic samples for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, PreTrainedTokenizerFast, Qwen2Config, Qwen3Config

from engine.models.quiet import quiet_transformers
from engine.policy import Policy, TrainSample, attach_adapter
from tests.engine.policies import policy_with

VOCABULARY = 96
SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "intermediate_size": 48,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": VOCABULARY,
    "tie_word_embeddings": True,
}
CONFIGS = {"qwen3": Qwen3Config, "qwen2": Qwen2Config, "llama": LlamaConfig}

MakePolicy = Callable[..., Policy]
MakeModel = Callable[..., PeftModel]


def _base(architecture: str, dtype: torch.dtype) -> torch.nn.Module:
    from transformers import AutoModelForCausalLM

    torch.manual_seed(1)
    sizes = {key: value for key, value in SIZES.items() if not (architecture == "qwen2" and key == "head_dim")}
    with quiet_transformers():
        model = AutoModelForCausalLM.from_config(CONFIGS[architecture](**sizes), dtype=dtype)
    with torch.no_grad():  # far from uniform, so that log-probs differ between tokens
        for name, parameter in model.named_parameters():
            if parameter.dim() == 2:
                parameter.normal_(std=0.2)
            elif name.endswith("bias"):
                parameter.normal_(std=0.1)
    return model.requires_grad_(False).eval()


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    words = {f"w{number}": number for number in range(VOCABULARY - 2)} | {
        "<pad>": VOCABULARY - 2,
        "<eos>": VOCABULARY - 1,
    }
    core = Tokenizer(models.WordLevel(words, unk_token="w0"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=core, pad_token="<pad>", eos_token="<eos>")
    made.chat_template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    return made


@pytest.fixture
def make_model() -> MakeModel:
    """Build the model; `moved`: the adapters' B is random too, so that they matter from the start."""

    def make(
        architecture: str = "qwen3", moved: bool = True, dtype: torch.dtype = torch.float32, rank: int = 4
    ) -> PeftModel:
        model = attach_adapter(_base(architecture, dtype), rank=rank, alpha=8, seed=3)
        if moved:
            generator = torch.Generator().manual_seed(5)
            for name, parameter in model.named_parameters():
                if "lora_B" in name:
                    parameter.data.normal_(std=0.1, generator=generator)
        return model

    return make


@pytest.fixture
def make_policy(make_model: MakeModel, tokenizer: PreTrainedTokenizerFast) -> MakePolicy:
    def make(moved: bool = False, **settings: object) -> Policy:
        return policy_with(make_model(moved=moved), tokenizer, **{"micro_batch_tokens": 96} | settings)

    return make


@pytest.fixture
def model_folder(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> Path:
    folder = tmp_path / "model"
    with quiet_transformers():
        _base("qwen3", torch.float32).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return folder


def make_samples(policy: Policy | None = None, groups: int = 4, members: int = 4, seed: int = 0) -> list[TrainSample]:
    """Return groups of both roles with ragged answers.

    The sampler's log-probs are the policy's own; without a policy each is -4.
    """
    draw = random.Random(seed)
    samples = []
    for group in range(groups):
        prompt = tuple(draw.randrange(VOCABULARY) for _ in range(draw.randint(3, 7)))
        for _ in range(members):
            answer = tuple(draw.randrange(VOCABULARY) for _ in range(draw.randint(1, 12)))
            role = "coder" if group % 2 == 0 else "tester"
            samples.append(TrainSample(prompt, answer, (-4.0,) * len(answer), draw.gauss(0, 1), role))
    if policy is None:
        return samples
    logprobs = policy.logprobs(samples)
    return [
        TrainSample(sample.prompt_ids, sample.token_ids, own, sample.advantage, sample.role)
        for sample, own in zip(samples, logprobs, strict=True)
    ]


@pytest.fixture(name="make_samples")
def make_samples_fixture() -> Callable[..., list[TrainSample]]:
    return make_samples
