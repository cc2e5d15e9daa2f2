"""Pretraining: each document is used once; a resumed run equals an uninterrupted one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.nano.pretraining import BUCKETS, IGNORED, Recipe, build_tokenizer, draw_block, pretrain
from engine.nano.splits import make_splits

SMALL = Recipe(
    steps=4, batch_tokens=960, tokenizer_documents=400, block_steps=3, checkpoint_every=2,
    hidden=32, layers=1, feed_forward=64, heads=2, key_value_heads=1, head_dim=16,
)  # fmt: skip


@pytest.fixture(scope="module")
def compositions() -> tuple:
    return make_splits().pretrain


def test_a_block_has_as_many_batches_as_steps_all_full(compositions: tuple) -> None:
    recipe = replace(SMALL, block_steps=20)
    batches = draw_block(compositions, build_tokenizer(compositions, recipe), recipe, 0)
    assert len(batches) == 20
    for ids, labels in batches:
        rows, length = ids.shape
        assert length in BUCKETS
        assert rows == recipe.batch_tokens // length
        answers = labels != IGNORED
        assert answers.any(dim=1).all()
        assert torch.equal(ids[answers], labels[answers])


def test_short_and_long_documents_are_trained_on_as_often_as_they_are_written(compositions: tuple) -> None:
    recipe = replace(SMALL, block_steps=60)
    tokenizer = build_tokenizer(compositions, recipe)
    batches = draw_block(compositions, tokenizer, recipe, 1)
    rows = Counter(len(row[row != tokenizer.pad_token_id]) for ids, _ in batches for row in ids)
    total = rows.total()
    assert total > 60 * recipe.batch_tokens / 112  # padding is a small share
    assert sum(count for length, count in rows.items() if length <= 48) / total > 0.1
    assert sum(count for length, count in rows.items() if length > 64) / total > 0.15


def test_blocks_differ_and_are_the_same_each_time(compositions: tuple) -> None:
    tokenizer = build_tokenizer(compositions, SMALL)
    first, again, second = (draw_block(compositions, tokenizer, SMALL, number) for number in (0, 0, 1))
    assert all(torch.equal(a, b) for (a, _), (b, _) in zip(first, again, strict=True))
    assert any(a.shape != b.shape or not torch.equal(a, b) for (a, _), (b, _) in zip(first, second, strict=True))


def test_a_continued_pretraining_ends_like_an_unbroken_one(compositions: tuple, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    pretrain(compositions, whole, SMALL, compiled=False)
    with pytest.MonkeyPatch.context() as patch:  # killed after step 2: only the state saved then is left
        patch.setattr("engine.nano.pretraining.export", _stop)
        with pytest.raises(KeyboardInterrupt):
            pretrain(compositions, broken, SMALL, compiled=False)
    pretrain(compositions, broken, SMALL, compiled=False)
    weights = [torch.load(folder / "state.pt", weights_only=True)["model"] for folder in (whole, broken)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def _stop(*_: object) -> None:
    raise KeyboardInterrupt
