"""Path from answers to rewards with the real executor; a script writes the answers instead of a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from engine.config.schema import TimeRule
from engine.problems import Problem
from engine.prompts import Rejected, RejectReason
from engine.rollouts.rollout import TaskRollouts, roll_out
from engine.sampling import Completion, OnDelta, Request, SamplingParams
from engine.sandbox import AS_A_PROCESS, Executor, Limits, Status
from engine.train.evaluate import measure
from engine.train.labels.source import by_ground_truth
from engine.train.scoring import ScoredTask, score
from tests.engine.scripted_sampler import (
    CODER,
    PROBLEM,
    SETTINGS,
    SQUARE,
    TESTER,
    ScriptedSampler,
    program,
)
from tests.engine.sections import reward_settings


def rollouts(executor: Executor, sampler: ScriptedSampler | None = None) -> TaskRollouts:
    sampler = sampler or ScriptedSampler(CODER, TESTER)
    (task,), _ = roll_out([PROBLEM], lambda problem, role: (1, 2), sampler, executor, SETTINGS, AS_A_PROCESS, seed=0)
    return task


def test_every_program_meets_every_test_and_what_cannot_be_parsed_stays_in_the_matrix(executor: Executor) -> None:
    task = rollouts(executor)
    assert task.matrix.truth_nt.tolist() == [[True, True], [False, False], [False, False], [False, False]]
    assert task.matrix.generated_nm.tolist() == [
        [True, True, False, False],
        [False, True, True, False],
        [False] * 4,
        [False] * 4,
    ]
    assert task.matrix.malformed_m.tolist() == [False, False, False, True]
    assert task.matrix.rejected_n.tolist() == [False, False, False, True]
    assert task.programs[3] == Rejected(RejectReason.NO_BLOCK)
    assert task.truth_outcomes[2][0] is not None
    assert task.truth_outcomes[2][0].status is Status.RUNTIME_ERROR


def test_a_tasks_own_comparison_takes_precedence_over_the_runs(executor: Executor) -> None:
    halves = [program("print(int(input()) * 2.0)")] * 4
    problem = replace(PROBLEM, solutions=("print(input() and 10.0)",))
    for task, passing in ((problem, 0.0), (replace(problem, compare="numbers"), 1.0)):
        given = (
            [task],
            lambda problem, role: (1, 2),
            ScriptedSampler(halves, TESTER),
            executor,
            SETTINGS,
            AS_A_PROCESS,
        )
        ((rolled,), _), measured = roll_out(*given, seed=0), measure(*given, bon_sizes=((4, 4),), seed=0)
        assert rolled.matrix.truth_nt.mean() == measured.code.mean == passing
        assert measured.ut.mean == passing / 4  # one of four tests expects 10


@pytest.mark.parametrize(("rule", "right"), [("exact", 1.0), ("relative", 5 / 6)])
def test_the_relative_rule_is_for_training_alone(executor: Executor, rule: TimeRule, right: float) -> None:
    slow = "import time\nwhile time.process_time() < 0.3: pass\nprint(int(input()) * 2)"
    sources = [f"# {rule} {at}\nprint(int(input()) * 2)" for at in range(5)] + [f"# {rule}\n{slow}"]
    given = (
        [PROBLEM],
        lambda problem, role: (1, 2),
        ScriptedSampler([program(source) for source in sources], TESTER),
        executor,
        SETTINGS.model_copy(update={"n_programs": 6}),
        AS_A_PROCESS,
    )
    ((rolled,), _) = roll_out(*given, seed=0, time_rule=rule)
    assert rolled.matrix.truth_nt.mean() == pytest.approx(right)
    assert measure(*given, bon_sizes=((4, 4),), seed=0).code.mean == 1.0


UNTAGGED = "```\nprint(int(input()) * 2)\n```"
HEADED = "### Test Input\n```\n5\n```\n### Test Output\n```\n10\n```"


def test_training_reads_strictly_and_an_evaluation_kindly_as_their_settings_say(executor: Executor) -> None:
    given = ([PROBLEM], lambda problem, role: (1, 2), ScriptedSampler([UNTAGGED] * 4, [HEADED] * 4), executor)
    for reading, share in (("strict", 0.0), ("kind", 1.0)):
        settings = SETTINGS.model_copy(update={"reading": reading})
        ((task,), _) = roll_out(*given, settings, AS_A_PROCESS, seed=0)
        summary = measure(*given, settings, AS_A_PROCESS, bon_sizes=((4, 4),), seed=0)
        assert task.matrix.truth_nt.mean() == summary.code.mean == summary.recovered_share.mean == share
        assert task.matrix.malformed_m.mean() == 1.0 - share


def test_an_answer_inside_a_thought_that_never_ends_is_rejected_in_training(executor: Executor) -> None:
    sampler = ScriptedSampler([*CODER[:3], f"hm</think>{CODER[0]}"], TESTER)
    given = ([PROBLEM], lambda problem, role: (1, 2), sampler, executor, SETTINGS, AS_A_PROCESS)
    ((task,), _) = roll_out(*given, seed=0, in_thought=True)
    assert [isinstance(program, Rejected) for program in task.programs] == [True, True, True, False]
    assert measure(*given, bon_sizes=((4, 4),), seed=0, in_thought=True).rejected_share.mean == 0.75


def scored_by_truth(task: TaskRollouts, **changes: object) -> ScoredTask:
    settings = reward_settings(**changes)
    return score(by_ground_truth(task, settings), settings)


def test_rewards_follow_the_paper(executor: Executor) -> None:
    scored = scored_by_truth(rollouts(executor))
    assert scored.coder.rewards_k.tolist() == [1.0, 0.0, 0.0, 0.0]
    # test 0: right, all 3 wrong programs fail it; test 1: right, but SQUARE passes; test 2: wrong, SQUARE passes
    assert scored.tester.rewards_k[:3].tolist() == [3.0, 2.0, -1.0]
    assert scored.tester.rewards_k[3] <= scored.tester.rewards_k[:3].min()
    for group in scored.groups:
        assert group.usable
        assert group.advantages_k.mean() == pytest.approx(0.0)


def test_a_truncated_answer_is_masked_and_does_not_shift_its_group(executor: Executor) -> None:
    sampler = ScriptedSampler(CODER, TESTER, unfinished=[CODER[3]])
    scored = scored_by_truth(rollouts(executor, sampler), truncated="mask")
    assert scored.coder.masked_k.tolist() == [False, False, False, True]
    assert scored.coder.advantages_k[3] == 0.0
    assert scored.coder.advantages_k[:3].sum() == pytest.approx(0.0)


def test_a_penalised_truncated_answer_falls_to_the_floor_of_its_group(executor: Executor) -> None:
    sampler = ScriptedSampler(CODER, TESTER, unfinished=[TESTER[0]])
    scored = scored_by_truth(rollouts(executor, sampler), truncated="penalise")
    assert scored.tester.rewards_k[0] == scored.tester.rewards_k.min()
    assert not scored.tester.masked_k.any()


def test_without_a_correct_program_the_tester_group_gives_no_signal(executor: Executor) -> None:
    sampler = ScriptedSampler([program(SQUARE)] * 4, TESTER)
    scored = scored_by_truth(rollouts(executor, sampler))
    assert scored.tester.without_signal
    assert not scored.tester.usable
    assert not scored.coder.usable


def test_measuring_judges_tests_by_the_reference_program(executor: Executor) -> None:
    summary = measure(
        [PROBLEM],
        lambda problem, role: (1, 2),
        ScriptedSampler(CODER, TESTER),
        executor,
        SETTINGS,
        AS_A_PROCESS,
        bon_sizes=((4, 4),),
        seed=0,
    )
    assert summary.code.mean == pytest.approx(0.25)
    assert summary.ut.mean == pytest.approx(0.5)
    assert summary.ut_bases == {"reference": 1}
    assert summary.malformed_share.mean == pytest.approx(0.25)


def test_a_group_has_the_same_seed_wherever_its_task_stands_in_the_batch() -> None:
    seen: dict[str, list[int]] = {}

    class Recording(ScriptedSampler):
        def sample(
            self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
        ) -> Iterator[Completion]:
            for request in requests:
                seen.setdefault(request.id.split("/")[1], []).append(request.seed)
            return super().sample(requests, params, on_delta)

    other = Problem(id="other", statement="x", public=(), hidden=PROBLEM.hidden)
    with Executor(Limits()) as executor:
        for batch in ([PROBLEM, other], [other, PROBLEM]):
            roll_out(batch, lambda p, r: (1,), Recording(CODER, TESTER), executor, SETTINGS, AS_A_PROCESS, seed=3)
    for seeds in seen.values():
        assert seeds[0] == seeds[3]
        assert seeds[1] == seeds[2]
        assert len(set(seeds)) == 2
    assert not set(seen["coder"]) & set(seen["tester"])
    assert np.iinfo(np.int64).max >= max(seen["coder"])
