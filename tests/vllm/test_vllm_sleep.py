"""Sleep at every level with vLLM's real engine and schedulers: what only a GPU does, freeing memory, is recorded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.machine.resources import source_path
from engine.sampling.vllm.compat import has_work
from engine.sampling.vllm.sleeping import SleepMode

DISCARD, SLEEP, WAKE = "discard", "sleep", "wake_up"


@dataclass
class Resting:
    """Real engine with its sleep; `calls`: what its worker was told to do with its memory."""

    engine: Any
    calls: list[tuple[str, object]] = field(default_factory=list)

    def answers(self, steps: int | None = None) -> dict[str, list[int]]:
        """Draw three answers, or only take `steps` engine steps."""
        from vllm import SamplingParams
        from vllm.inputs import tokens_input

        for number in range(3):
            params = SamplingParams(max_tokens=8, ignore_eos=True, detokenize=False, seed=number)
            self.engine.add_request(str(number), tokens_input([3, 4, 5, 6]), params)
        found: dict[str, list[int]] = {}
        while self.engine.has_unfinished_requests() and steps != 0:
            steps = None if steps is None else steps - 1
            found |= {each.request_id: each.outputs[0].token_ids for each in self.engine.step() if each.finished}
        return found

    def took(self) -> list[tuple[str, object]]:
        calls, self.calls[:] = list(self.calls), []
        return calls


@pytest.fixture(scope="module", params=["Scheduler", "AsyncScheduler"])
def resting(request: pytest.FixtureRequest) -> Iterator[Resting]:
    """Engine of the embedded model with vLLM's scheduler of that name: a CPU takes the first, a GPU the second."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    from vllm import EngineArgs
    from vllm.platforms.cpu import CpuPlatform
    from vllm.v1.engine.llm_engine import LLMEngine
    from vllm.v1.worker.cpu_worker import CPUWorker

    calls: list[tuple[str, object]] = []
    choose = CpuPlatform.check_and_update_config

    def as_on_a_gpu(cls: type, config: Any) -> None:
        choose(config)
        config.scheduler_config.async_scheduling = request.param == "AsyncScheduler"

    def recorded(name: str, argument: str) -> Callable[..., None]:
        return lambda self, *given, **named: calls.append((name, given[0] if given else named[argument]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CpuPlatform, "check_and_update_config", classmethod(as_on_a_gpu))
        for name, argument in ((SLEEP, "level"), (WAKE, "tags"), (DISCARD, "tags")):
            patch.setattr(CPUWorker, name, recorded(name, argument))
        arguments = EngineArgs(
            model=str(source_path("asset:nano")), skip_tokenizer_init=True, dtype="float32", max_model_len=256,
            max_num_seqs=8, enforce_eager=True, kv_cache_memory_bytes=1 << 28,
        )  # fmt: skip
        engine = LLMEngine.from_engine_args(arguments)
        assert type(engine.engine_core.engine_core.scheduler).__name__ == request.param
        yield Resting(engine, calls)


def test_vllm_itself_refuses_to_release_the_cache_right_after_the_last_answer(resting: Resting) -> None:
    resting.answers()
    assert has_work(resting.engine)
    resting.engine.sleep(level=0)
    with pytest.raises(RuntimeError, match="requires a completed pause"):
        resting.engine.release_kv_cache_memory()
    resting.engine.wake_up(tags=["scheduling"])


@pytest.mark.parametrize("steps", [None, 1, 3])
@pytest.mark.parametrize(
    ("level", "at_rest", "at_wake", "forgets_adapter"),
    [
        (0, [(DISCARD, ("kv_cache",))], [(WAKE, ["kv_cache"])], False),
        (1, [(SLEEP, 1)], [(WAKE, None)], False),
        (2, [(SLEEP, 2)], [(WAKE, ["weights"]), (WAKE, ["kv_cache"])], True),
    ],
)
def test_each_level_frees_its_part_after_whole_and_after_abandoned_answers_and_wakes_to_the_same_answers(
    level: int,
    at_rest: list[object],
    at_wake: list[object],
    forgets_adapter: bool,
    steps: int | None,
    resting: Resting,
) -> None:
    sleep, expected = SleepMode(resting.engine, frees_memory=True), resting.answers()
    resting.answers(steps)
    resting.engine.abort_request(["0", "1", "2"])
    resting.took()
    assert sleep.rest(level) == ""
    assert resting.took() == at_rest
    assert resting.engine.is_sleeping()
    assert sleep.wake() == forgets_adapter
    assert resting.took() == at_wake
    assert not resting.engine.is_sleeping()
    assert resting.answers() == expected
    assert not sleep.wake()  # already awake
    assert resting.took() == []


def test_a_cache_that_is_not_released_alone_makes_vllm_sleep_at_level_1_with_one_notice(
    resting: Resting, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep, expected = SleepMode(resting.engine, frees_memory=True), resting.answers()
    monkeypatch.setattr("engine.sampling.vllm.sleeping.IDLE_STEPS", 0)
    notice = sleep.rest(0)
    assert notice.startswith("vLLM does not release its KV cache alone (")
    assert "level 1 from now on" in notice
    assert resting.took()[-1] == (SLEEP, 1)
    sleep.wake()
    assert resting.answers() == expected
    monkeypatch.undo()
    assert sleep.rest(0) == ""
    assert resting.took()[-1] == (SLEEP, 1)
    sleep.wake()


def test_a_cache_that_the_device_does_not_give_back_makes_vllm_sleep_at_level_1(resting: Resting) -> None:
    sleep, expected = SleepMode(resting.engine, frees_memory=True), resting.answers()
    with pytest.MonkeyPatch.context() as patch:
        from vllm.v1.worker.cpu_worker import CPUWorker

        def fails(self: object, tags: object) -> None:
            raise RuntimeError("CUDA driver error:\n invalid argument")

        patch.setattr(CPUWorker, DISCARD, fails)
        assert "(CUDA driver error: invalid argument)" in sleep.rest(0)
    assert resting.took()[-1] == (SLEEP, 1)
    sleep.wake()
    assert resting.answers() == expected


def test_without_sleep_mode_a_rest_only_pauses(resting: Resting) -> None:
    sleep, expected = SleepMode(resting.engine, frees_memory=False), resting.answers()
    resting.took()
    assert sleep.rest(1) == ""
    assert resting.engine.is_sleeping()
    assert not sleep.wake()
    assert resting.took() == []
    assert resting.answers() == expected
