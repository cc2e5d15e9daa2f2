"""Tiny random models, and the reference for samplers: a full forward pass over each sequence."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from engine.sampling import Completion, Request, SamplingParams

VOCABULARY = 97
_SIZES = {
    "vocab_size": VOCABULARY,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    # Far larger than the default: otherwise random logits are too flat for an error to show.
    "initializer_range": 0.3,
}


class WordTokenizer:
    """Tokenizer stub: token 7 decodes to " 7", token 1 is the stop token, token 0 pads."""

    eos_token_id = 1
    pad_token_id = 0

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        return "".join(f" {token}" for token in token_ids if not (skip_special_tokens and token < 2))


@pytest.fixture
def tokenizer() -> WordTokenizer:
    return WordTokenizer()


def build(kind: str) -> PreTrainedModel:
    torch.manual_seed(0)
    match kind:
        case "qwen3":
            model = Qwen3ForCausalLM(Qwen3Config(**_SIZES, head_dim=8, tie_word_embeddings=True))
        case "qwen2":
            model = Qwen2ForCausalLM(Qwen2Config(**_SIZES))
        case "llama":
            model = LlamaForCausalLM(LlamaConfig(**_SIZES))
        case "gpt2":
            config = GPT2Config(
                vocab_size=VOCABULARY, n_embd=48, n_layer=2, n_head=4, n_positions=512, initializer_range=0.3
            )
            model = GPT2LMHeadModel(config)
        case "sliding":
            config = Qwen3Config(
                **_SIZES,
                head_dim=8,
                use_sliding_window=True,
                sliding_window=6,
                layer_types=["full_attention", "sliding_attention"],
            )
            model = Qwen3ForCausalLM(config)
        case _:
            raise ValueError(kind)
    return model.eval()


@pytest.fixture
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    return build(getattr(request, "param", "qwen3"))


@pytest.fixture
def adapted() -> PeftModel:
    """Return a model whose adapters, unlike fresh ones, change its logits."""
    config = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.1, target_modules="all-linear", task_type="CAUSAL_LM")
    adapted = get_peft_model(build("qwen3"), config)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.2)
    return adapted.eval()


@pytest.fixture
def requests() -> list[Request]:
    """Return four groups with prompts of 3 to 12 tokens."""
    random = torch.Generator().manual_seed(3)
    return [
        Request(f"r{length}", tuple(torch.randint(2, VOCABULARY, (length,), generator=random).tolist()), n, length)
        for length, n in ((3, 4), (12, 5), (7, 1), (8, 6))
    ]


ReferenceLogprobs = Callable[[torch.nn.Module, Request, Completion, SamplingParams], Tensor]


@pytest.fixture
def reference_logprobs() -> ReferenceLogprobs:
    return _reference_logprobs


@torch.no_grad()
def _reference_logprobs(
    model: torch.nn.Module, request: Request, completion: Completion, params: SamplingParams
) -> Tensor:
    """Compute the log-probs of the completion's tokens by a full forward pass and textbook top-p."""
    ids = torch.tensor([request.prompt_ids + completion.token_ids])
    logits_sv = model(input_ids=ids).logits[0, len(request.prompt_ids) - 1 : -1].double() / params.temperature
    prob_sv = logits_sv.softmax(-1)
    if params.top_p < 1.0:
        sorted_sv, order_sv = prob_sv.sort(-1, descending=True)
        kept_sv = sorted_sv.cumsum(-1) - sorted_sv < params.top_p
        prob_sv = torch.zeros_like(prob_sv).scatter(-1, order_sv, sorted_sv * kept_sv)
        prob_sv /= prob_sv.sum(-1, keepdim=True)
    token_s1 = torch.tensor(completion.token_ids)[:, None]
    return prob_sv.gather(-1, token_s1).squeeze(-1).log()
