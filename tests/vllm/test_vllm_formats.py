"""Number formats of real vLLM on the CPU: how far its log-probs are from the trainer's, in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest

from engine.errors import EnvironmentError_
from engine.sampling.adapters.canary import Agreement
from engine.train.samplers import Surroundings, choose_sampler
from tests.vllm.nano_policy import PARAMS, NanoPolicy, load_nano

BF16 = ('rollout.sampler="vllm"', 'policy.precision="bf16"', 'model.dtype="bf16"')


def distance(nano: NanoPolicy, folder: Path, notices: list[str] | None = None) -> float:
    """Return the mean |difference| of 64 answers' log-probs between vLLM and the trainer, in nats."""
    surroundings = Surroundings(folder, folder / "engine.log", (notices if notices is not None else []).append)
    sampler = choose_sampler(nano.config, nano.policy, nano.tokenizer, nano.prompts, surroundings)
    try:
        completions = list(sampler.sample(nano.requests(groups=8, n=8), PARAMS))
    finally:
        sampler.close()
    return fmean(
        abs(ours - theirs)
        for completion, scores in zip(completions, nano.scores(completions), strict=True)
        for ours, theirs in zip(completion.logprobs, scores, strict=True)
    )


@pytest.mark.timeout(900)
def test_a_head_in_fp32_brings_vllm_closer_to_the_trainer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nano = load_nano(*BF16)
    with_fp32_head = distance(nano, tmp_path)
    monkeypatch.setattr("engine.sampling.vllm.settings.FP32_HEAD", {})
    with_bf16_head = distance(nano, tmp_path)
    print(f"mean |dlogp| in nats: {with_bf16_head:.5f} with a bf16 head, {with_fp32_head:.5f} with an fp32 head")
    assert with_fp32_head < 0.8 * with_bf16_head


@pytest.mark.timeout(900)
def test_an_fp8_cache_is_judged_by_the_trainers_log_probs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nano, notices = load_nano(*BF16, 'vllm.kv_cache_dtype="fp8"'), list[str]()
    assert distance(nano, tmp_path, notices) < 0.3
    bounds: Callable[[Agreement], None] = lambda agreement: monkeypatch.setattr(  # noqa: E731
        "engine.train.samplers.vllm.agreement_bound", lambda trainer, sampler: agreement
    )
    bounds(Agreement(bound=0.3, noise=0.02, notable=1e-6))
    distance(nano, tmp_path, notices)
    assert notices[-1].startswith("vLLM and the trainer differ by ")
    assert 'kv_cache_dtype = "auto"' in notices[-1]
    bounds(Agreement(bound=1e-6, noise=0.02))
    with pytest.raises(EnvironmentError_, match="disagree on the same tokens") as caught:
        distance(nano, tmp_path)
    assert 'vllm.kv_cache_dtype = "auto"' in caught.value.remedy
