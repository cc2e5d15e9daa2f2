"""Pretraining of nano: a model of the Qwen3 architecture, from random weights, in one process on one or two cores.

Documents are sorted into length buckets (right-padded, so causal attention never sees padding), and only the answer's
tokens carry loss. Muon trains the hidden matrices, AdamW embeddings and norms; learning rates warm up, stay constant,
and fall to zero. Documents are written and tokenized for a block of steps at a time, so that every bucket is used as
often as it is filled. Only positions that carry loss pass through the output head.

Measured on one core of a 2-core machine, tokens/s: fp32 with SDPA 3.8k; bf16 autocast with SDPA 6.7k, with eager
attention 9.0k, compiled 10.5k (SDPA's CPU backward is slow on rows this short).
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from engine.nano.corpus import Document, write_document
from engine.nano.grammar import Composition
from engine.nano.tokenizer import END, PAD, VOCABULARY, train_tokenizer
from engine.problems import Problem
from engine.prompts import PromptStyle, build_messages

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BUCKETS = (48, 64, 80, 96)
IGNORED = -100

Row = tuple[list[int], int]
"""Token ids of a prompt with its answer, and the length of the prompt."""


@dataclass(frozen=True)
class Recipe:
    """Hyperparameters: with the grammar and the corpus they determine the weights."""

    seed: int = 1
    steps: int = 12_500
    batch_tokens: int = 6144
    muon_learning_rate: float = 0.02
    adam_learning_rate: float = 3e-3
    schedule: tuple[tuple[float, float], ...] = (
        (0.0, 0.01), (0.00792, 1.0), (0.384, 1.0), (0.74, 0.60268), (1.0, 0.0),
    )  # fmt: skip
    """(share of the steps, factor on the learning rates), interpolated linearly."""
    hidden: int = 192
    layers: int = 4
    feed_forward: int = 512
    heads: int = 6
    key_value_heads: int = 2
    head_dim: int = 32
    tokenizer_documents: int = 20_000
    block_steps: int = 250
    checkpoint_every: int = 250


def build_tokenizer(compositions: Sequence[Composition], recipe: Recipe) -> PreTrainedTokenizerFast:
    rng = random.Random(f"tokenizer {recipe.seed}")
    documents = (write_document(compositions, rng) for _ in range(recipe.tokenizer_documents))
    return train_tokenizer(f"{_user_text(doc)}\nuser\nassistant\n{doc.text}" for doc in documents)


def build_model(tokenizer: PreTrainedTokenizerFast, recipe: Recipe) -> Qwen3ForCausalLM:
    torch.manual_seed(recipe.seed)
    config = Qwen3Config(
        vocab_size=VOCABULARY,
        hidden_size=recipe.hidden,
        num_hidden_layers=recipe.layers,
        intermediate_size=recipe.feed_forward,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        head_dim=recipe.head_dim,
        max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        eos_token_id=_id_of(END, tokenizer),
        pad_token_id=_id_of(PAD, tokenizer),
        bos_token_id=None,
    )
    config._attn_implementation = "eager"
    return Qwen3ForCausalLM(config)


def pretrain(compositions: Sequence[Composition], work: Path, recipe: Recipe, *, compiled: bool) -> Path:
    """Run or continue the recipe in `work`; return the folder of the finished model, weights in bf16."""
    work.mkdir(parents=True, exist_ok=True)
    tokenizer = build_tokenizer(compositions, recipe)
    model = build_model(tokenizer, recipe)
    optimisers = _optimisers(model, recipe)
    first = _restore(work / "state.pt", model, optimisers)
    trunk = torch.compile(model.model) if compiled else model.model
    started, tokens = time.monotonic(), 0
    for step in range(first, recipe.steps):
        # A block of documents depends only on its number, so a resumed run sees the same documents as an unbroken one.
        block, within = divmod(step, recipe.block_steps)
        if within == 0 or step == first:
            batches = draw_block(compositions, tokenizer, recipe, block)
        ids, labels = batches[within]
        for optimiser, base_rate in optimisers:
            for group in optimiser.param_groups:
                group["lr"] = base_rate * _schedule(step, recipe)
        targets = labels[:, 1:]
        with torch.autocast("cpu", torch.bfloat16):
            hidden = trunk(ids, use_cache=False).last_hidden_state[:, :-1]
            logits = model.lm_head(hidden[targets != IGNORED])
        loss = torch.nn.functional.cross_entropy(logits.float(), targets[targets != IGNORED])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser, _ in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        tokens += ids.numel()
        if (step + 1) % 50 == 0:
            rate = tokens / (time.monotonic() - started)
            print(f"step {step + 1}/{recipe.steps}  loss {loss.item():.4f}  {rate:,.0f} tokens/s", flush=True)
        if (step + 1) % recipe.checkpoint_every == 0 or step + 1 == recipe.steps:
            _save(work / "state.pt", model, optimisers, step + 1)
            export(model, tokenizer, work / "model")
    return work / "model"


def export(model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Write the files that ship: bf16 safetensors, config, tokenizer."""
    shipped = Qwen3ForCausalLM(model.config)
    shipped.load_state_dict(model.state_dict())
    for parameter in shipped.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)
    shipped.config.dtype = torch.bfloat16
    shipped.generation_config.do_sample = True  # otherwise `transformers serve` decodes greedily
    shipped.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def encode(documents: Sequence[Document], tokenizer: PreTrainedTokenizerFast) -> list[Row]:
    """Encode each document: token ids of prompt and answer, and the length of the prompt."""
    chats = [[{"role": "user", "content": _user_text(document)}] for document in documents]
    prompts = tokenizer.apply_chat_template(chats, add_generation_prompt=True, tokenize=False)
    prompt_ids = tokenizer(prompts, add_special_tokens=False).input_ids
    answer_ids = tokenizer([document.text + END for document in documents], add_special_tokens=False).input_ids
    return [(prompt + answer, len(prompt)) for prompt, answer in zip(prompt_ids, answer_ids, strict=True)]


def _id_of(token: str, tokenizer: PreTrainedTokenizerFast) -> int:
    return int(tokenizer.get_vocab()[token])


def _user_text(document: Document) -> str:
    problem = Problem(id="", statement=document.statement, public=(), hidden=())
    return build_messages(problem, document.role, PromptStyle.SHORT, show_example=False)[-1]["content"]


def draw_block(
    compositions: Sequence[Composition], tokenizer: PreTrainedTokenizerFast, recipe: Recipe, block: int
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Draw `recipe.block_steps` batches of ids and labels [rows, bucket], in random order.

    One stream of documents fills all buckets, so each length is trained on as often as it is written; rows that do not
    fill a last batch move to the next longer bucket. (Always taking the bucket that fills first would train on the
    commonest length alone.)
    """
    rng = random.Random(f"{recipe.seed} {block}")
    rows: dict[int, list[Row]] = {bucket: [] for bucket in BUCKETS}
    wanted = (recipe.block_steps + 1) * recipe.batch_tokens  # one batch more: the last bucket's remainder is dropped
    while sum(bucket * len(found) for bucket, found in rows.items()) < wanted:
        for row in encode([write_document(compositions, rng) for _ in range(500)], tokenizer):
            fitting = next((bucket for bucket in BUCKETS if len(row[0]) <= bucket), None)
            if fitting is not None:
                rows[fitting].append(row)
    pad = _id_of(PAD, tokenizer)
    batches: list[tuple[torch.Tensor, torch.Tensor]] = []
    remainder: list[Row] = []
    for bucket, found in rows.items():
        size = recipe.batch_tokens // bucket
        found += remainder
        full = len(found) - len(found) % size
        batches += [_padded(found[at : at + size], bucket, pad) for at in range(0, full, size)]
        remainder = found[full:]
    rng.shuffle(batches)
    return batches[: recipe.block_steps]


def _padded(rows: Sequence[Row], length: int, pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    ids = torch.full((len(rows), length), pad)
    labels = torch.full((len(rows), length), IGNORED)
    for row, (tokens, prompt) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        labels[row, prompt : len(tokens)] = ids[row, prompt : len(tokens)]
    return ids, labels


def _optimisers(model: Qwen3ForCausalLM, recipe: Recipe) -> list[tuple[torch.optim.Optimizer, float]]:
    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    muon = torch.optim.Muon(matrices, lr=recipe.muon_learning_rate, momentum=0.95, weight_decay=0.01)
    adam = torch.optim.AdamW(others, lr=recipe.adam_learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    return [(muon, recipe.muon_learning_rate), (adam, recipe.adam_learning_rate)]


def _schedule(step: int, recipe: Recipe) -> float:
    shares, factors = zip(*recipe.schedule, strict=True)
    return float(np.interp(step / recipe.steps, shares, factors))


def _save(
    path: Path, model: Qwen3ForCausalLM, optimisers: list[tuple[torch.optim.Optimizer, float]], step: int
) -> None:
    aside = path.with_suffix(".tmp")
    torch.save(
        {"step": step, "model": model.state_dict(), "optimisers": [o.state_dict() for o, _ in optimisers]},
        aside,
    )
    aside.replace(path)


def _restore(path: Path, model: Qwen3ForCausalLM, optimisers: list[tuple[torch.optim.Optimizer, float]]) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    for (optimiser, _), saved in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(saved)
    return int(state["step"])
