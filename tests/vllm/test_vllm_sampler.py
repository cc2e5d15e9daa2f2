"""VllmSampler with a real vLLM: its answers are the policy's after updates, sleep, kills and stops."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.errors import ConfigError, EnvironmentError_, RunError
from engine.sampling import Completion, Delta, SamplingParams
from engine.sampling.vllm import VllmSampler
from engine.train.samplers import Surroundings, choose_sampler
from tests.vllm.nano_policy import PARAMS, NanoPolicy, assert_same_answers, by_place, load_nano

RESTARTS = 2
HANG_SECONDS = 15.0
CLOSE = 1e-3
"""Nats between sampler and trainer, both fp32; 1e-5 is usual."""


@dataclass(frozen=True)
class Bench:
    nano: NanoPolicy
    sampler: VllmSampler
    notices: list[str]

    def sample(self, groups: int = 4, n: int = 4, seed: int = 0, params: SamplingParams = PARAMS) -> list[Completion]:
        return list(self.sampler.sample(self.nano.requests(groups, n, seed), params))

    @property
    def process_id(self) -> int:
        process_id = self.sampler.process_id
        assert process_id is not None
        return process_id


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    nano = load_nano('rollout.sampler="vllm"', f"vllm.hang_seconds={HANG_SECONDS}", f"vllm.restarts={RESTARTS}")
    folder, notices = tmp_path_factory.mktemp("vllm"), []
    surroundings = Surroundings(folder, folder / "engine.log", notices.append)
    sampler = choose_sampler(nano.config, nano.policy, nano.tokenizer, nano.prompts, surroundings)
    assert isinstance(sampler, VllmSampler)
    yield Bench(nano, sampler, notices)
    sampler.close()


def test_log_probs_are_those_of_the_policy(bench: Bench) -> None:
    assert bench.nano.gap(bench.sample()) < CLOSE


def test_log_probs_at_another_temperature_and_top_p_are_of_the_distribution_drawn_from(bench: Bench) -> None:
    (likely,) = bench.sample(groups=1, n=1, params=SamplingParams(1.0, 1e-6, 32))
    assert likely.logprobs == pytest.approx([0.0] * len(likely.logprobs))  # one token is left to choose from
    flat = bench.sample(groups=2, n=4, params=SamplingParams(2.0, 1.0, 8))
    uniform = -sum(sum(completion.logprobs) for completion in flat) / sum(len(c.logprobs) for c in flat)
    plain = bench.sample(groups=2, n=4, params=SamplingParams(1.0, 1.0, 8))
    assert uniform > -sum(sum(c.logprobs) for c in plain) / sum(len(c.logprobs) for c in plain) + 0.1


def test_every_sample_of_a_group_comes_once_and_deltas_make_up_its_completion(bench: Bench) -> None:
    deltas: list[Delta] = []
    requests = bench.nano.requests(groups=3, n=5)
    completions = list(bench.sampler.sample(requests, PARAMS, deltas.append))
    assert sorted(by_place(completions)) == sorted((request.id, index) for request in requests for index in range(5))
    assert len(completions) == 15
    streamed: dict[tuple[str, int], tuple[int, ...]] = {}
    for delta in deltas:
        place = (delta.request_id, delta.index)
        streamed[place] = streamed.get(place, ()) + delta.token_ids
    assert streamed == {place: completion.token_ids for place, completion in by_place(completions).items()}
    assert len(deltas) > 2 * len(completions)  # while they grow, not at their end


def test_answers_are_a_matter_of_their_seeds_alone(bench: Bench) -> None:
    alone, among_others = bench.sample(groups=1, n=4), bench.sample(groups=6, n=4)
    assert_same_answers(alone, [c for c in among_others if c.request_id == alone[0].request_id])
    others = bench.sample(groups=1, n=4, seed=100)
    assert [c.token_ids for c in alone] != [c.token_ids for c in others]
    assert len({c.token_ids for c in bench.sample(groups=1, n=16)}) > 4


def test_a_stop_token_finishes_an_answer_and_the_limit_cuts_it_off(bench: Bench) -> None:
    finished = [completion for completion in bench.sample() if completion.finished]
    stop_ids = {completion.token_ids[-1] for completion in finished}
    assert stop_ids == {bench.nano.policy.tokenizer.eos_token_id}
    assert not any(stop_ids & set(completion.token_ids[:-1]) for completion in finished)
    cut = bench.sample(params=SamplingParams(1.0, 1.0, 5))
    assert {(len(completion.token_ids), completion.finished) for completion in cut} == {(5, False)}
    decode = bench.nano.policy.tokenizer.decode
    for completion in (*finished, *cut):
        assert completion.text == decode(list(completion.token_ids), skip_special_tokens=True)


def test_after_an_update_answers_come_from_the_new_weights(bench: Bench) -> None:
    before = bench.sample()
    bench.sampler.take_swap_seconds()
    bench.nano.learn(before)
    assert bench.nano.gap(before) > 10 * CLOSE  # the weights did move
    after = bench.sample()
    assert bench.nano.gap(after) < CLOSE
    assert bench.sampler.take_swap_seconds() > 0.0
    bench.sample()
    assert bench.sampler.take_swap_seconds() < 0.5  # same weights: nothing to swap, nothing to judge


def test_a_rest_between_two_calls_changes_no_answer_and_the_new_weights_are_there_after_it(bench: Bench) -> None:
    before = bench.sample()
    bench.sampler.rest()
    bench.sampler.rest()
    assert_same_answers(before, bench.sample())
    bench.sampler.rest()
    bench.nano.learn(before)
    assert bench.nano.gap(bench.sample()) < CLOSE


def test_a_swap_that_vllm_ignores_ends_the_run(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.nano.learn(bench.sample())
    with monkeypatch.context() as patch:
        patch.setattr(bench.sampler, "load", lambda adapter: None)
        with pytest.raises(RunError, match="not sample from the policy's weights"):
            bench.sample()
    assert bench.nano.gap(bench.sample()) < CLOSE


def test_an_ignored_type_of_layer_is_named_at_the_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sample()
    canary, exports, load = bench.sampler.canary, bench.sampler.exports, bench.sampler.load
    _, adapter = exports.latest()

    def without_down_proj(folder: Path) -> None:
        """Load as a vLLM without adapters on down_proj: only zeros remain of that probe."""
        load(_zeroed(folder, exports.new_folder("deaf"), "down_proj"))

    with monkeypatch.context() as patch:
        patch.setattr(bench.sampler, "load", without_down_proj)
        with pytest.raises(EnvironmentError_, match="layers of type down_proj"):
            canary.check_start(bench.sampler, exports, adapter)
    canary.check_start(bench.sampler, exports, adapter)


def test_samples_that_are_given_up_leave_nothing_behind(bench: Bench) -> None:
    expected = bench.sample()
    answers = bench.sampler.sample(bench.nano.requests(groups=6, n=8, seed=7), PARAMS)
    next(answers)
    assert_same_answers(expected, bench.sample())
    with pytest.raises(RuntimeError, match="abandoned"):
        next(answers)


def test_a_prompt_that_is_too_long_is_refused(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="exceed"):
        bench.sample(params=SamplingParams(max_new_tokens=4000))


def test_a_temperature_that_vllm_does_not_take_is_refused(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="up to 2, not 3"):
        bench.sample(params=SamplingParams(temperature=3.0))


def test_a_vllm_that_hangs_is_started_again_and_no_answer_is_lost(bench: Bench) -> None:
    bench.nano.learn(bench.sample())
    expected, restarts = bench.sample(groups=6, n=8), bench.sampler.restarts
    bench.notices.clear()
    answers = bench.sampler.sample(bench.nano.requests(groups=6, n=8), PARAMS)
    completions = [next(answers)]
    hung = bench.process_id
    os.kill(hung, signal.SIGSTOP)
    completions += answers
    assert_same_answers(expected, completions)
    assert bench.process_id != hung
    assert bench.sampler.restarts == restarts + 1
    (notice,) = bench.notices
    assert f"it sent nothing for {HANG_SECONDS:g} s" in notice
    assert f"restart {restarts + 1} of {RESTARTS}" in notice


def _zeroed(source: Path, target: Path, module_type: str) -> Path:
    from safetensors.torch import load_file, save_file

    target.mkdir()
    weights = load_file(source / "adapter_model.safetensors")
    for name, weight in weights.items():
        if f".{module_type}.lora_B" in name:
            weight.zero_()
    save_file(weights, target / "adapter_model.safetensors")
    (target / "adapter_config.json").write_bytes((source / "adapter_config.json").read_bytes())
    return target
