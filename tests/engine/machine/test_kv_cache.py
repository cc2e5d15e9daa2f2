"""Size of the KV cache: what is free on the card, so that a desktop beside a run costs cache, not the run."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from engine.machine.kv_cache import KEPT, cache_beside_trainer, cache_on_own_card
from engine.machine.memory_plan import plan_memory, shape_of
from engine.machine.memory_plan.calibration import CUDA_CONTEXT, GIB
from engine.machine.memory_plan.sampling_phase import vllm_parts
from engine.presets import load_preset
from tests.engine.machine.nvml_cards import DESKTOP, WORKER, with_cards

TOTAL = 23.99 * GIB
OWN = 3.0 * GIB
"""Weights of the trainer, which are loaded when the size is asked for."""


def free_beside(desktop_gib: float) -> float:
    return TOTAL - OWN - CUDA_CONTEXT - desktop_gib * GIB


@pytest.mark.parametrize("preset", ["qwen3-4b@24", "qwen2.5-7b@24"])
@pytest.mark.parametrize("desktop", [0.0, 0.5, 1.0, 1.5])
def test_everything_else_and_half_a_gib_fit_beside_the_cache(preset: str, desktop: float) -> None:
    config = load_preset(preset)
    shape = shape_of(config.model.source)
    assert shape is not None
    cache = cache_beside_trainer(config, free=free_beside(desktop), total=TOTAL, own=OWN)
    plan = plan_memory(config, TOTAL / GIB)
    assert cache is not None
    assert plan is not None
    assert plan.kv_cache is not None
    parts = [part for part in plan.sampling.parts if part.name != "KV cache" and part.name != "kept free"]
    others = sum(part.bytes for part in parts)
    if cache > plan.kv_cache.least_bytes:
        assert others + cache + desktop * GIB + KEPT <= TOTAL + 1
    assert cache <= plan.kv_cache.bytes


def test_a_desktop_of_a_gib_takes_a_gib_of_the_cache() -> None:
    config = load_preset("qwen3-4b@24")
    sizes = [
        cache_beside_trainer(config, free=free_beside(desktop), total=TOTAL, own=OWN) or 0 for desktop in (0.5, 1.5)
    ]
    assert sizes[0] - sizes[1] == pytest.approx(GIB, abs=1)


def test_an_fp8_cache_holds_twice_the_tokens_in_the_same_bytes() -> None:
    plain, fp8 = (
        plan_memory(load_preset("qwen3-4b@24", [f"vllm.kv_cache_dtype={kind}"]), 24.0) for kind in ("auto", "fp8")
    )
    assert plain is not None
    assert fp8 is not None
    assert plain.kv_cache is not None
    assert fp8.kv_cache is not None
    assert fp8.kv_cache.bytes_per_token * 2 == plain.kv_cache.bytes_per_token
    assert fp8.kv_cache.tokens == pytest.approx(2 * plain.kv_cache.tokens, rel=0.01)


def test_on_a_card_of_its_own_vllm_has_all_but_its_parts_and_half_a_gib() -> None:
    config = load_preset("qwen3-4b@24", ["vllm.device='1'"])
    shape = shape_of(config.model.source)
    assert shape is not None
    cache = cache_on_own_card(config, free=TOTAL)
    parts = sum(part.bytes for part in vllm_parts(shape, config))
    assert cache == int(TOTAL - parts - CUDA_CONTEXT - KEPT)
    few = load_preset("qwen3-4b@24", ["rollout.max_batch=1", "vllm.device='1'"])
    assert (cache_on_own_card(few, free=TOTAL) or 0) < cache  # never more than max_batch answers take


def test_a_model_of_unknown_shape_leaves_the_size_to_vllm() -> None:
    config = load_preset("qwen3-4b@24", ["model.source=nobody/knows-this"])
    assert cache_beside_trainer(config, free=TOTAL, total=TOTAL, own=0.0) is None
    assert cache_on_own_card(config, free=TOTAL) is None


_SIZES = """
import json, sys, torch
from engine.errors import CureError
from engine.machine.process_environment import claim_card
from engine.presets import load_preset
claim_card()
from engine.train.samplers.vllm import kv_cache_size, vllm_card
torch.cuda.memory_reserved = lambda device=None: 3 * 2**30
torch.cuda.empty_cache = lambda: None
for settings, free, kind in json.loads(sys.argv[1]):
    torch.cuda.mem_get_info = lambda device=None: (int(free * 2**30), int(23.99 * 2**30))
    config, device = load_preset("qwen3-4b@24", settings), torch.device(kind)
    try:
        card = vllm_card(config, device)
        print(json.dumps([card and card.uuid, kv_cache_size(config, device, card)]))
    except CureError as error:
        print(json.dumps(["", str(error)]))
"""


@pytest.mark.slow
def test_the_cache_is_sized_on_the_card_that_vllm_gets() -> None:
    """Ask a process that has claimed the larger of two cards, where only the device's own answers are made up."""
    cases = [
        ([], 20.0, "cuda"), ([], 19.0, "cuda"), (["vllm.device='1'"], 20.0, "cuda"),
        (["vllm.kv_cache_gb=2.5"], 20.0, "cuda"), ([], 20.0, "cpu"), (["vllm.device='2'"], 20.0, "cuda"),
    ]  # fmt: skip
    command = [sys.executable, "-P", "-c", _SIZES, json.dumps(cases)]
    done = subprocess.run(command, env=with_cards(DESKTOP, WORKER), capture_output=True, text=True, check=True)
    (here, much), (_, less), (elsewhere, size), fixed, on_cpu, (_, refused) = map(json.loads, done.stdout.splitlines())
    assert here == WORKER["uuid"]
    assert much - less == pytest.approx(2**30, abs=1)
    assert elsewhere == DESKTOP["uuid"]
    assert size < much  # the least that is worth starting: only 4.6 GiB are free there
    assert fixed == [WORKER["uuid"], 2.5 * 2**30]
    assert on_cpu == [None, None]
    assert "this machine shows 2 cards, counted from 0" in refused
