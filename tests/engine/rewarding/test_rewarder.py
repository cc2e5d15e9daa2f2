"""Rewards for other trainers, held against those of a training step on the same answers."""

from __future__ import annotations

import os
import pickle
import random
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import ConfigError, DataError
from engine.prompts import Reading, Role
from engine.rewarding import Rewarder, TaskAnswers
from engine.rewarding.rows import AnswerRow, reward_rows, text_of
from engine.rollouts.executing import Runner
from engine.rollouts.rollout import roll_out
from engine.train.labels.source import by_ground_truth
from engine.train.scoring import ScoredTask, score
from tests.engine.scripted_sampler import CODER, CRASH, DOUBLE, PROBLEM, SQUARE, TESTER, ScriptedSampler, program
from tests.engine.sections import changed


def scored(rewarder: Rewarder, executor: Runner, coder: list[str], tester: list[str]) -> ScoredTask:
    """Score answers as a training step does."""
    config = rewarder.config
    settings = changed(config.rollout, n_programs=len(coder), m_tests=len(tester))
    sampler = ScriptedSampler(coder, tester)
    (task,), _ = roll_out(
        [PROBLEM], lambda problem, role: (1, 2), sampler, executor, settings, rewarder.judging, 0, None,
        config.sandbox.time_rule,
    )  # fmt: skip
    return score(by_ground_truth(task, config.reward), config.reward)


def test_rewards_are_those_of_a_training_step(rewarder: Rewarder) -> None:
    ours = scored(rewarder, rewarder.executor, CODER, TESTER)
    (theirs,) = rewarder.reward([TaskAnswers.read(PROBLEM, CODER, TESTER)])
    assert theirs.coder_n.tolist() == ours.coder.rewards_k.tolist() == [1.0, 0.0, 0.0, 0.0]
    assert theirs.tester_or_zeros_m.tolist() == ours.tester.rewards_k.tolist()
    for name in ("truth_nt", "generated_nm", "malformed_m", "rejected_n", "known_nt", "known_nm"):
        assert np.array_equal(getattr(theirs.matrix, name), getattr(ours.rollouts.matrix, name)), name


@pytest.mark.parametrize("seed", range(6))
def test_rewards_of_any_mixture_of_answers_are_those_of_a_training_step(rewarder: Rewarder, seed: int) -> None:
    chance = random.Random(seed)
    coder = [chance.choice(CODER) for _ in range(chance.randint(2, 6))]
    tester = [chance.choice(TESTER) for _ in range(chance.randint(2, 6))]
    ours = scored(rewarder, rewarder.executor, coder, tester)
    (theirs,) = rewarder.reward([TaskAnswers.read(PROBLEM, coder, tester)])
    assert theirs.coder_n.tolist() == ours.coder.rewards_k.tolist()
    assert theirs.tester_or_zeros_m.tolist() == ours.tester.rewards_k.tolist()
    assert (theirs.tester_m is None) == ours.tester.without_signal


def test_without_a_correct_program_the_tests_have_no_signal_and_count_as_zeros(rewarder: Rewarder) -> None:
    (rewards,) = rewarder.reward([TaskAnswers.read(PROBLEM, [program(CRASH)], TESTER)])
    assert rewards.tester_m is None
    assert rewards.tester_or_zeros_m.tolist() == [0.0] * 4


def test_several_tasks_keep_their_order_and_their_own_tests(rewarder: Rewarder) -> None:
    square = replace(PROBLEM, id="square", hidden=(replace(PROBLEM.hidden[0], input="3\n", output="9\n"),))
    tasks = [TaskAnswers.read(task, [program(DOUBLE), program(SQUARE)], []) for task in (PROBLEM, square)]
    assert [rewards.coder_n.tolist() for rewards in rewarder.reward(tasks)] == [[1.0, 0.0], [0.0, 1.0]]


def test_a_task_without_programs_is_refused_by_name(rewarder: Rewarder) -> None:
    with pytest.raises(DataError, match="task double has no program"):
        rewarder.reward([TaskAnswers.read(PROBLEM, [], TESTER)])


def test_the_settings_decide_on_reading_variant_and_comparison() -> None:
    settings = ["rollout.reading=kind", "reward.tester_variant=cure", "sandbox.comparison=numbers"]
    halves = ["The program:\n```\nprint(int(input()) * 2.0)\n```\n", program(SQUARE)]
    with Rewarder.of_preset("nano", settings) as rewarder:
        assert rewarder.reading is Reading.KIND
        (rewards,) = rewarder.reward([TaskAnswers.read(PROBLEM, halves, TESTER, rewarder.reading)])
    assert rewards.coder_n.tolist() == [1.0, 0.0]
    assert rewards.tester_m is not None
    assert rewards.tester_m.tolist() == [1.0, 0.0, -1.0, -1.0]


def test_rows_of_a_batch_meet_by_task_wherever_they_stand(rewarder: Rewarder) -> None:
    other = replace(PROBLEM, id="other")
    rows = [
        AnswerRow(task, role, text)
        for task in (PROBLEM, other)
        for role, texts in ((Role.CODER, CODER), (Role.TESTER, TESTER))
        for text in texts
    ]
    in_order = reward_rows(rewarder, rows)
    places = random.Random(3).sample(range(len(rows)), len(rows))
    shuffled = reward_rows(rewarder, [rows[place] for place in places])
    assert shuffled == [in_order[place] for place in places]
    assert in_order[:8] == in_order[8:]


def test_tests_without_programs_in_the_batch_are_refused_with_the_remedy(rewarder: Rewarder) -> None:
    with pytest.raises(DataError, match="unshuffled"):
        reward_rows(rewarder, [AnswerRow(PROBLEM, Role.TESTER, TESTER[0])])


@pytest.mark.parametrize(
    ("completion", "text"),
    [
        ("a", "a"),
        ([{"role": "assistant", "content": "b"}], "b"),
        ([{"role": "assistant", "content": [{"type": "text", "text": "c"}, {"type": "text", "text": "d"}]}], "cd"),
        ([{"role": "assistant", "content": None}], ""),
    ],
)
def test_texts_and_messages_are_read(completion: object, text: str) -> None:
    assert text_of(completion) == text


@pytest.mark.parametrize("completion", [None, 3, [], [3], {"content": "x"}])
def test_what_is_neither_is_refused(completion: object) -> None:
    with pytest.raises(DataError, match="no text and no chat messages"):
        text_of(completion)


def test_a_pickled_rewarder_opens_an_executor_of_its_own(rewarder: Rewarder) -> None:
    with pickle.loads(pickle.dumps(rewarder)) as copy:
        assert copy.executor is not rewarder.executor
        assert copy.reward([TaskAnswers.read(PROBLEM, CODER, TESTER)])[0].coder_n.tolist() == [1.0, 0.0, 0.0, 0.0]


def test_a_forked_process_opens_an_executor_of_its_own(rewarder: Rewarder) -> None:
    mine = rewarder.executor
    if (child := os.fork()) == 0:
        status = 1
        try:
            (rewards,) = rewarder.reward([TaskAnswers.read(PROBLEM, CODER, [])])
            status = 0 if rewards.coder_n.tolist() == [1.0, 0.0, 0.0, 0.0] and rewarder.executor is not mine else 2
            rewarder.close()
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert rewarder.reward([TaskAnswers.read(PROBLEM, CODER, [])])


def test_closing_ends_answers_under_way_and_refuses_new_ones() -> None:
    rewarder = Rewarder.of_preset("nano", ["sandbox.cpu_seconds=30"])
    idle = TaskAnswers.read(replace(PROBLEM, time_limit=30.0), [program("while True: pass")], [])
    with ThreadPoolExecutor(1) as pool, rewarder:
        under_way = pool.submit(rewarder.reward, [idle])
        while rewarder.executor.executions == 0 and not under_way.running():
            pass
        rewarder.close()
        with pytest.raises((CancelledError, RuntimeError)):
            under_way.result(30)
    with pytest.raises(RuntimeError, match="closed"):
        rewarder.reward([idle])


@pytest.mark.parametrize("setting", ["reward.labels=consensus", "reward.tester_supervision=reference"])
def test_rewards_that_only_a_run_can_give_are_refused(setting: str) -> None:
    with pytest.raises(ConfigError, match="is for runs of cure-tui alone") as caught:
        Rewarder.of_preset("nano", [setting])
    assert caught.value.remedy.startswith(f"set {setting.partition('=')[0]} = ")
