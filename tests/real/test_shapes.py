"""The real tokenizer and chat template of Qwen3 over small random models of real shapes: sampler and trainer agree.

Qwen3 is sampled in this process and, where it is installed, by vLLM; Gemma 3 and Mistral have layers that see a window
of the sequence, which prompts and answers here exceed.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, MistralConfig, PretrainedConfig, Qwen3Config

from engine.models.quiet import quiet_transformers
from engine.problems import Problem
from engine.prompts import Role, build_messages, encode_prompt
from engine.prompts.messages import PromptStyle
from engine.sampling import SamplingParams
from engine.sampling.vllm.compat import installed_version
from engine.train.samplers import Surroundings, choose_sampler
from tests.vllm.nano_policy import load_nano

VOCABULARY = 151_936
WINDOW = 128
SIZES: Mapping[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "tie_word_embeddings": True,
    "eos_token_id": 151_645,
    "pad_token_id": 151_643,
    "bos_token_id": None,
    "max_position_embeddings": 4096,
}
CONFIGS = {
    "qwen3": Qwen3Config(**SIZES),
    "gemma3": Gemma3TextConfig(
        **SIZES, sliding_window=WINDOW, layer_types=["sliding_attention"] * 5 + ["full_attention"]
    ),
    "mistral": MistralConfig(**SIZES, sliding_window=WINDOW),
}
CLOSE = 1e-3
"""Nats between sampler and trainer, both fp32."""


def model_folder(config: PretrainedConfig, tokenizer: Path, place: Path) -> Path:
    torch.manual_seed(1)
    with quiet_transformers():
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        for parameter in model.parameters():
            if parameter.dim() == 2:
                parameter.data.normal_(std=0.05)
        model.save_pretrained(place)
    for file in tokenizer.iterdir():
        shutil.copyfile(file, place / file.name)
    return place


@pytest.mark.parametrize("style", ["full", "shots"])
@pytest.mark.parametrize("architecture", CONFIGS)
def test_sampler_and_trainer_agree(architecture: str, style: str, qwen3: Path, tmp_path: Path) -> None:
    agree(architecture, qwen3, tmp_path, "rollout.sampler=transformers", f"model.prompt_style={style}")


@pytest.mark.skipif(installed_version() is None, reason="vLLM is not installed")
def test_vllm_and_trainer_agree(qwen3: Path, tmp_path: Path) -> None:
    agree("qwen3", qwen3, tmp_path, "rollout.sampler=vllm", "model.prompt_style=full")


def agree(architecture: str, tokenizer: Path, place: Path, *settings: str) -> None:
    """Sample answers, learn from them, sample again: log-probs of both sides are equal before and after."""
    source = model_folder(CONFIGS[architecture], tokenizer, place / "model")
    bench = load_nano(f"model.source={source}", "model.thinking=false", "policy.lora_rank=8", *settings)
    assert min(map(len, bench.prompts)) > WINDOW
    surroundings = Surroundings(place, place / "engine.log", print)
    params = SamplingParams(temperature=1.0, top_p=1.0, max_new_tokens=24)
    with ExitStack() as resources:
        sampler = choose_sampler(bench.config, bench.policy, bench.tokenizer, bench.prompts, surroundings)
        resources.callback(sampler.close)
        before = list(sampler.sample(bench.requests(groups=2, n=3), params))
        assert bench.gap(before) < CLOSE
        sampler.rest()
        bench.learn(before)
        after = list(sampler.sample(bench.requests(groups=2, n=3, seed=1), params))
        assert bench.gap(after) < CLOSE


@pytest.mark.parametrize(("thinking", "ends_with"), [(True, "assistant\n"), (False, "<think>\n\n</think>\n\n")])
def test_the_real_template_thinks_when_it_is_asked_to(thinking: bool, ends_with: str, qwen3: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(qwen3, local_files_only=True)
    messages = build_messages(Problem("p", "Print 1.", (), ()), Role.CODER, PromptStyle.FULL, show_example=False)
    ids = encode_prompt(tokenizer, messages, thinking)
    assert tokenizer.decode(ids).endswith(ends_with)
    assert max(ids) < VOCABULARY
