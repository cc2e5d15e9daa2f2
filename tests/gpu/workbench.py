"""Workbench of the GPU measurements: models of random weights, the memory cap, clocks, tables in Markdown.

Speed and memory do not depend on the values of the weights, so nothing has to be downloaded. With `--dry` everything
runs on the CPU with a tiny model of the same architecture: the parts are tested, and the figures mean nothing.
"""

from __future__ import annotations

import argparse
import gc
import os
import platform
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib import metadata
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from engine.machine.memory_plan.known_models import KNOWN_MODELS
from engine.machine.probe import probe_machine
from engine.machine.resources import source_path
from engine.models.quiet import quiet_transformers
from engine.policy import TrainSample

MODELS = {"qwen3-4b": "Qwen/Qwen3-4B", "qwen2.5-7b": "Qwen/Qwen2.5-7B-Instruct"}
GIB = 2**30
_DRY_SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 128,
    "intermediate_size": 192,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 2048,
}


def start(arguments: argparse.Namespace) -> torch.device:
    """Set the cap and return the device; exit if there is no GPU."""
    if arguments.dry:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # before torch has looked, and for what is started from here
        return torch.device("cpu")
    _require_gpu()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(min(1.0, arguments.cap_gib * GIB / total))
    return torch.device("cuda")


def circumstances(arguments: argparse.Namespace) -> str:
    """Return date, card and versions in a line; exit if there is no GPU."""
    if arguments.dry:
        return "dry run on a CPU, figures without meaning"
    _require_gpu()
    machine = probe_machine()
    names = ("torch", "transformers", "peft", "bitsandbytes", "vllm", "trl")
    card = machine.card.name if machine.card is not None else torch.cuda.get_device_name(0)
    parts = [
        date.today().isoformat(),
        f"{card} capped at {arguments.cap_gib:g} GiB",
        f"driver {machine.driver.version}",
        f"Python {platform.python_version()}",
        *(f"{name} {version}" for name in names if (version := _version(name))),
    ]
    return ", ".join(parts)


def _require_gpu() -> None:
    if not torch.cuda.is_available():
        sys.exit("no CUDA GPU is available; --dry runs this on the CPU")


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def say(text: str) -> None:
    """Print progress to stderr: stdout is the report."""
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table on stdout."""
    print("| " + " | ".join(heads) + " |")
    print("|" + "---|" * len(heads))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print(flush=True)


def random_model(folder: Path, name: str, device: torch.device, dry: bool) -> Path:
    """Write a model of random bf16 weights with the sizes of `name` and nano's tokenizer to a new folder."""
    sizes = dict(KNOWN_MODELS[MODELS[name]])
    kind = str(sizes.pop("model_type"))
    if dry:
        sizes |= _DRY_SIZES | ({"head_dim": 32} if "head_dim" in sizes else {})
    config = AutoConfig.for_model(kind, **sizes, max_position_embeddings=32_768)
    torch.manual_seed(0)
    with quiet_transformers():
        with device:
            model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.generation_config.eos_token_id = 2
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(source_path("asset:nano")).save_pretrained(folder)
    del model
    forget()
    return folder


def forget() -> None:
    """Release the memory of dropped objects."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def made_up_samples(
    groups: int, shares: Sequence[float], prompt: int, answer: int, vocabulary: int = 1024
) -> list[TrainSample]:
    """Return `groups` prompts of `prompt` tokens, with one answer for each share of `answer` tokens."""
    draw = random.Random(0)
    samples = []
    for group in range(groups):
        prompt_ids = tuple(draw.randrange(3, vocabulary) for _ in range(prompt))
        for number, share in enumerate(shares):
            length = max(1, round(share * answer))
            token_ids = tuple(draw.randrange(3, vocabulary) for _ in range(length))
            role = "coder" if group % 2 == 0 else "tester"
            advantage = 1.0 if number % 2 == 0 else -1.0
            samples.append(TrainSample(prompt_ids, token_ids, (-7.0,) * length, advantage, role))
    return samples


@dataclass
class Cost:
    """Cost of a measured block. Bytes of torch's allocator: reserved from the driver, allocated by tensors."""

    seconds: float = 0.0
    reserved: int = 0
    allocated: int = 0

    @property
    def gib(self) -> str:
        return f"{self.reserved / GIB:.2f}" if self.reserved else "-"


@contextmanager
def measured(device: torch.device) -> Iterator[Cost]:
    """Measure the block; the cost is filled in at its end."""
    cost = Cost()
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
    begin = time.perf_counter()
    yield cost
    if on_gpu:
        torch.cuda.synchronize()
        cost.reserved = torch.cuda.max_memory_reserved()
        cost.allocated = torch.cuda.max_memory_allocated()
    cost.seconds = time.perf_counter() - begin
