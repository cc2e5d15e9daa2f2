"""Attention of packed rows: masked tiles, tiles without a mask and the input of flash kernels agree."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from peft import PeftModel

from engine.policy import Layout
from engine.policy.adapter import base_of
from engine.policy.packed import layout_check, varlen_attention
from engine.policy.packed.attention import PACKED_ATTENTION, Kernel, kernels_for, register
from engine.policy.packed.layout_check import choose_layout
from engine.policy.packed.segments import Segment
from engine.policy.packed.tiled_attention import pack_tiles
from engine.policy.packed.varlen_attention import pack_varlen

MakeModel = Callable[..., PeftModel]
CPU = torch.device("cpu")


def kernel_by_hand(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    query_ends: torch.Tensor,
    key_ends: torch.Tensor,
    most_queries: int,
    most_keys: int,
    *,
    scale: float | None,
    window_size: tuple[int, int],
    enable_gqa: bool,
) -> torch.Tensor:
    """Compute what torch's `varlen_attn`, which runs on GPUs alone, promises: sequence by sequence."""
    back, ahead = window_size
    assert ahead == 0
    assert int(query_ends[-1]) == len(query)
    assert int(key_ends[-1]) == len(key)
    outputs = []
    for n in range(len(query_ends) - 1):
        q = query[query_ends[n] : query_ends[n + 1]].transpose(0, 1)[None]
        k, v = (states[key_ends[n] : key_ends[n + 1]].transpose(0, 1)[None] for states in (key, value))
        assert q.shape[2] <= most_queries
        assert k.shape[2] <= most_keys
        last = k.shape[2] - q.shape[2]
        mask = torch.ones(q.shape[2], k.shape[2], dtype=torch.bool).tril(last)
        if back >= 0:
            mask = mask.triu(last - back)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=enable_gqa)
        outputs.append(attended[0].transpose(0, 1))
    return torch.cat(outputs)


def one_mask(
    segments: list[Segment], query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, window: int | None
) -> torch.Tensor:
    """Compute the definition [1, s, heads, d]: one block-diagonal mask over the flat row."""
    sees = torch.zeros(query.shape[2], query.shape[2], dtype=torch.bool)
    for segment in segments:
        own = [*range(segment.prefix_start, segment.prefix_start + segment.prefix_length)]
        own += range(segment.start, segment.start + segment.length)
        for at in range(segment.prefix_length, len(own)):
            sees[own[at], own[max(0, at + 1 - window) if window else 0 : at + 1]] = True
    return F.scaled_dot_product_attention(query, key, value, attn_mask=sees, scale=0.3, enable_gqa=True).transpose(1, 2)


_groups = st.lists(st.tuples(st.integers(1, 12), st.lists(st.integers(1, 20), max_size=4)), min_size=1, max_size=4)


@given(_groups, st.sampled_from([None, 1, 40, 10_000]), st.sampled_from([None, 1, 5, 16, 100]))
@settings(max_examples=80, deadline=None)
def test_every_way_computes_the_block_diagonal_mask_and_its_window(
    groups: list[tuple[int, list[int]]], largest_mask: int | None, window: int | None
) -> None:
    segments, start = [], 0
    for prompt, answers in groups:
        segments.append(prompt_segment := Segment(start, prompt))
        start += prompt
        for answer in answers:
            segments.append(Segment(start, answer, prompt_segment.start, prompt))
            start += answer
    generator = torch.Generator().manual_seed(start)
    query, key, value = (torch.randn(1, heads, start, 8, generator=generator) for heads in (4, 2, 2))
    expected = one_mask(segments, query, key, value, window)
    tiled = pack_tiles(segments, start, torch.float32, CPU, largest_mask).attend(query, key, value, 0.3, window)
    torch.testing.assert_close(tiled, expected, atol=1e-5, rtol=0)
    with patch.object(varlen_attention, "varlen_attn", kernel_by_hand):
        varlen = pack_varlen(segments, CPU).attend(query, key, value, 0.3, window)
    torch.testing.assert_close(varlen, expected, atol=1e-5, rtol=0)


def test_long_segments_get_no_mask_where_masks_are_bounded() -> None:
    segments = [Segment(0, 100), Segment(100, 3000, 0, 100), Segment(3100, 50, 0, 100), Segment(3150, 40, 0, 100)]
    tiles = pack_tiles(segments, 3190, torch.bfloat16, CPU, largest_mask=1 << 15).tiles
    assert [tile.mask is None for tile in tiles] == [False, True, False]
    assert max(tile.mask.numel() for tile in tiles if tile.mask is not None) <= 1 << 15


def test_the_cpu_has_tiles_only() -> None:
    assert kernels_for(CPU, torch.bfloat16) == (Kernel.TILES,)
    assert kernels_for(torch.device("cuda"), torch.float32) == (Kernel.TILES,)


@pytest.fixture
def packed_model(make_model: MakeModel) -> PeftModel:
    register()
    model = make_model()
    base_of(model).set_attn_implementation(PACKED_ATTENTION)
    return model


def test_flash_kernels_are_taken_where_they_agree_forward_and_backward(packed_model: PeftModel) -> None:
    with (
        patch.object(layout_check, "kernels_for", lambda device, dtype: tuple(Kernel)[::-1]),
        patch.object(varlen_attention, "varlen_attn", kernel_by_hand),
    ):
        choice = choose_layout(packed_model, 4096)
    assert (choice.layout, choice.kernel, choice.note) == (Layout.SHARED_PROMPT, Kernel.VARLEN, "")
    assert all(parameter.grad is None for parameter in packed_model.parameters())


def _wrong_mask(query: torch.Tensor, *arguments: object, **settings: object) -> torch.Tensor:
    return kernel_by_hand(query, *arguments, **settings).flip(0)  # type: ignore[arg-type]


def _wrong_gradient(query: torch.Tensor, *arguments: object, **settings: object) -> torch.Tensor:
    return kernel_by_hand(0.5 * (query + query.detach()), *arguments, **settings)  # type: ignore[arg-type]


def _not_built(*arguments: object, **settings: object) -> torch.Tensor:
    raise RuntimeError("no kernel image is available for execution on the device\nCUDA kernel errors ...")


@pytest.mark.parametrize(
    ("kernel", "why"),
    [(_wrong_mask, "log-probs are off by"), (_wrong_gradient, "gradients are off by"), (_not_built, "no kernel image")],
)
def test_flash_kernels_that_do_not_agree_are_left_with_a_note(
    kernel: Callable[..., torch.Tensor], why: str, packed_model: PeftModel
) -> None:
    with (
        patch.object(layout_check, "kernels_for", lambda device, dtype: tuple(Kernel)[::-1]),
        patch.object(varlen_attention, "varlen_attn", kernel),
    ):
        choice = choose_layout(packed_model, 4096)
    assert (choice.layout, choice.kernel) == (Layout.SHARED_PROMPT, Kernel.TILES)
    assert choice.note.startswith("training packed rows without flash kernels: ")
    assert why in choice.note
    assert "\n" not in choice.note
