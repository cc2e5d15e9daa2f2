"""Tokens/s of our decoding loop against transformers' `model.generate`: same model, same 256 requests.

    python tests/benchmarks/sampling.py [--threads 2] [--adapter]

Both sample at temperature 1 from the whole distribution, with the stop token suppressed: both draw exactly
256 x 48 tokens. They take turns and the best time of each counts: other work on the machine only adds.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, PreTrainedModel, Qwen3Config, Qwen3ForCausalLM

from engine.sampling import Request, SamplingParams
from engine.sampling.local.sampler import TransformersSampler

NANO = Path(__file__).parents[2] / "assets" / "nano"


@dataclass(frozen=True)
class SamplingSpeed:
    """Tokens per second of both ways over the same requests."""

    ours: float
    generate: float

    @property
    def ratio(self) -> float:
        return self.ours / self.generate


class NoText:
    """Tokenizer stub that decodes to no text: `generate` does not decode either."""

    eos_token_id = None
    pad_token_id = 0

    def decode(self, token_ids: list[int], *, skip_special_tokens: bool) -> str:
        return ""


def nano_model() -> PreTrainedModel:
    """Return the embedded model in fp32, or a random one of its size where it has not been built."""
    if (NANO / "config.json").exists():
        return AutoModelForCausalLM.from_pretrained(NANO, dtype=torch.float32).eval()
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=1024,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=32,
        tie_word_embeddings=True,
        max_position_embeddings=2048,
    )
    return Qwen3ForCausalLM(config).eval()


def requests_of(groups: int, samples: int, vocabulary: int) -> list[Request]:
    """Return requests with prompts of 30 to 40 random tokens, like nano's."""
    random = torch.Generator().manual_seed(0)
    return [
        Request(
            id=str(number),
            prompt_ids=tuple(torch.randint(1, vocabulary, (30 + number % 11,), generator=random).tolist()),
            n=samples,
            seed=number,
        )
        for number in range(groups)
    ]


def run_ours(model: PreTrainedModel, requests: list[Request], new_tokens: int) -> float:
    """Return the seconds our loop takes."""
    sampler = TransformersSampler(model, NoText(), eos_ids=())
    began = time.perf_counter()
    completions = list(sampler.sample(requests, SamplingParams(max_new_tokens=new_tokens)))
    seconds = time.perf_counter() - began
    assert sum(len(completion.token_ids) for completion in completions) == new_tokens * len(completions)
    return seconds


def run_generate(model: PreTrainedModel, requests: list[Request], new_tokens: int) -> float:
    """Return the seconds `model.generate` takes on one left-padded batch of the same prompts."""
    prompts = [request.prompt_ids for request in requests for _ in range(request.n)]
    longest = max(len(prompt) for prompt in prompts)
    ids_bs = torch.tensor([(0,) * (longest - len(prompt)) + prompt for prompt in prompts])
    mask_bs = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    began = time.perf_counter()
    out_bs = model.generate(
        input_ids=ids_bs,
        attention_mask=mask_bs,
        do_sample=True,
        temperature=1.0,
        top_k=0,
        top_p=1.0,
        max_new_tokens=new_tokens,
        min_new_tokens=new_tokens,
        pad_token_id=0,
    )
    seconds = time.perf_counter() - began
    assert out_bs.shape == (len(prompts), longest + new_tokens)
    return seconds


def measure(
    model: PreTrainedModel, *, groups: int = 16, samples: int = 16, new_tokens: int = 48, rounds: int = 3
) -> SamplingSpeed:
    """Time both ways in turns over groups x samples completions of `new_tokens` tokens."""
    requests = requests_of(groups, samples, model.config.vocab_size)
    tokens = groups * samples * new_tokens
    for run in (run_ours, run_generate):
        run(model, requests[:2], 4)
    ours = [run_ours(model, requests, new_tokens)]
    generate = [run_generate(model, requests, new_tokens)]
    for _ in range(rounds - 1):
        ours.append(run_ours(model, requests, new_tokens))
        generate.append(run_generate(model, requests, new_tokens))
    return SamplingSpeed(ours=tokens / min(ours), generate=tokens / min(generate))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--adapter", action="store_true", help="with LoRA adapters, r=32, on all linear layers")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    model = nano_model()
    if options.adapter:
        adapter = LoraConfig(r=32, lora_alpha=64, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, adapter).eval()
    speed = measure(model, rounds=options.rounds)
    print(
        f"sampling, 256 requests x 48 tokens, {options.threads} threads: ours {speed.ours:,.0f} tokens/s, "
        f"model.generate {speed.generate:,.0f} tokens/s, ratio {speed.ratio:.1f}"
    )


if __name__ == "__main__":
    main()
