"""Host memory: pinned copies of a sleeping vLLM's weights, segment by segment."""

from __future__ import annotations

import pytest

from engine.machine.memory_plan.calibration import GIB
from engine.machine.memory_plan.host import pinned_bytes, pinned_segment, segments, vllm_tensors
from engine.machine.memory_plan.known_models import KNOWN_MODELS
from engine.machine.memory_plan.shape import ModelShape, shape_from_config

MIB = 2**20


def known(name: str) -> ModelShape:
    shape = shape_from_config(KNOWN_MODELS[name])
    assert shape is not None
    return shape


@pytest.mark.parametrize(
    ("model", "weights", "pinned"), [("Qwen/Qwen3-4B", 7.5, 10.0), ("Qwen/Qwen2.5-7B-Instruct", 14.2, 26.8)]
)
def test_pinned_memory_is_rounded_up_to_powers_of_two(model: str, weights: float, pinned: float) -> None:
    tensors = list(vllm_tensors(known(model), "bf16", "bf16"))
    assert sum(tensors) / GIB == pytest.approx(weights, abs=0.05)
    assert pinned_bytes(iter(tensors)) / GIB == pytest.approx(pinned, abs=0.06)


@pytest.mark.parametrize("model", sorted(KNOWN_MODELS))
def test_above_a_threshold_nothing_is_rounded(model: str) -> None:
    tensors = list(vllm_tensors(known(model), "bf16", "bf16"))
    sizes = [pinned_bytes(iter(tensors), threshold) for threshold in (1, 64, 1024, None)]
    assert sizes == sorted(sizes)
    assert sum(tensors) <= sizes[0] < 1.06 * sum(tensors)


@pytest.mark.parametrize(
    ("size", "threshold", "taken"),
    [
        (1, None, 1), (3 * MIB, None, 4 * MIB), (4 * MIB, None, 4 * MIB), (4 * MIB + 1, None, 8 * MIB),
        (30 * MIB, 30, 32 * MIB), (30 * MIB, 29, 30 * MIB),
    ],
)  # fmt: skip
def test_an_allocation_up_to_the_threshold_is_rounded(size: int, threshold: int | None, taken: int) -> None:
    assert pinned_segment(size, threshold) == taken


def test_small_tensors_share_segments_and_large_ones_do_not() -> None:
    assert list(segments(iter([MIB // 2] * 4))) == [2 * MIB]
    assert list(segments(iter([4 * MIB] * 6))) == [20 * MIB] * 2
    assert list(segments(iter([11 * MIB, 30 * MIB - 1]))) == [12 * MIB, 30 * MIB]
