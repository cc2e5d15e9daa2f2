"""Label sources on scripted answers, executed: references, consensus with mutants, anchors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from engine.config import RunConfig
from engine.errors import DataError
from engine.presets import load_preset
from engine.problems import IOExample, Problem
from engine.reward.mode import reward_words
from engine.rollouts.rollout import TaskRollouts, roll_out
from engine.sandbox import AS_A_PROCESS, Executor, Limits
from engine.solve.selectors.b4 import Priors
from engine.train.labels import LABELS, Surroundings, open_source
from engine.train.labels.anchors import AnchorFigures, RateCounts, anchor_figures, anchors_of
from engine.train.labels.consensus import Consensus
from engine.train.labels.hidden import HiddenTests
from engine.train.labels.references import References
from engine.train.labels.signs import label_signs
from engine.train.labels.source import UNINFORMED
from tests.engine.scripted_sampler import CRASH, DOUBLE, PROBLEM, SQUARE, ScriptedSampler, program, unit_test
from tests.engine.sections import rollout_settings

TWICE = "n = int(input())\nprint(n + n)"
ADDS_TWO = "print(int(input()) + 2)"


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(Limits(cpu_seconds=1.0), cells=1) as opened:
        yield opened


def rollouts(
    executor: Executor, coder: Sequence[str], tester: Sequence[str], problem: Problem = PROBLEM
) -> TaskRollouts:
    settings = rollout_settings(n_programs=len(coder), m_tests=len(tester))
    sampler = ScriptedSampler(coder, tester)
    (task,), _ = roll_out([problem], lambda *_: (1, 2), sampler, executor, settings, AS_A_PROCESS, seed=0)
    return task


def config(*overrides: str) -> RunConfig:
    return load_preset("nano", overrides)


TESTS = [unit_test("5", "10"), unit_test("0", "0"), unit_test("3", "9"), "no test"]


def test_references_judge_and_only_those_that_pass_all_hidden_tests(executor: Executor) -> None:
    references = References(executor, AS_A_PROCESS)
    problem = replace(PROBLEM, solutions=(SQUARE, CRASH, DOUBLE, TWICE, DOUBLE, TWICE))
    assert [each.source for each in references.of(problem)] == [DOUBLE, TWICE, DOUBLE]
    assert references.of(replace(PROBLEM, id="none", solutions=(SQUARE,))) == ()
    assert references.of(replace(PROBLEM, id="bare", hidden=())) == ()
    task = rollouts(executor, [program(SQUARE)] * 2, [*TESTS, unit_test("x", "0")], problem)
    (judged,) = references.judge([task])
    assert judged is not None
    assert judged.valid_m.tolist() == [True, True, False, False, False]
    assert judged.judged_m.all()  # an input on which every reference crashes is a wrong test


def test_hidden_labels_with_references_pay_by_validity_and_fall_back_where_a_task_has_none(executor: Executor) -> None:
    settings = config("reward.tester_supervision=reference", "reward.tester_variant=cure")
    labels = HiddenTests(settings, [PROBLEM], executor)
    nobody_right = rollouts(executor, [program(SQUARE), program(ADDS_TWO)], TESTS)
    without = rollouts(executor, [program(SQUARE), program(DOUBLE)], TESTS, replace(PROBLEM, id="b", solutions=()))
    judged, fallen_back = labels.label([nobody_right, without], 1, UNINFORMED)
    assert judged.tester_m is not None
    # SQUARE fails only the first, ADDS_TWO both valid ones; the invalid 3 -> 9 is passed by SQUARE.
    assert judged.tester_m.tolist() == [2, 1, -1, -2]
    assert fallen_back.unreferenced
    assert fallen_back.validity is None
    assert fallen_back.tester_m is not None


def test_consensus_rewards_what_agrees_and_never_reads_a_hidden_test(executor: Executor) -> None:
    settings = config("reward.labels=consensus", "run.steps=1", "rollout.tasks_per_step=1")
    source = open_source(settings, [PROBLEM], Surroundings(executor, None))  # type: ignore[arg-type]
    assert source.problems == (replace(PROBLEM, hidden=(), solutions=()),)
    coder = [program(each) for each in (DOUBLE, TWICE, DOUBLE, SQUARE, ADDS_TWO)]
    task = rollouts(executor, coder, [*TESTS, unit_test("4", "8")], source.problems[0])
    (labelled,) = source.label([task], 1, UNINFORMED)
    assert labelled.presumed is not None
    assert labelled.presumed.doubt == ""
    assert labelled.rollouts.matrix.correct_n.tolist() == [True, True, True, False, False]
    assert [(test.input.strip(), test.output.strip()) for test in labelled.rollouts.truth_tests] == [
        ("5", "10"), ("0", "0"), ("4", "8")
    ]  # fmt: skip
    assert labelled.tester_m is not None
    assert labelled.tester_m.tolist() == [1, 1, -1, -1, 1]
    signs = label_signs([labelled], AnchorFigures(0.5, 0.25, None))
    assert (signs["presumed_accuracy"], signs["presumed_gap"], signs["labelled_tasks"]) == (0.6, pytest.approx(0.1), 1)
    assert (signs["output_rows"], signs["distinct_inputs"], signs["trivial_tests"]) == (3, 4, 0.2)


def test_mutants_of_the_proxy_tell_tests_apart_where_no_program_fails_one_of_them(executor: Executor) -> None:
    # The third program passes all of Y and differs on an input that only a wrong test has.
    odd = "n = int(input())\nprint(7 if n == 3 else n * 2)"
    coder = [program(each) for each in (DOUBLE, DOUBLE, DOUBLE, odd)]
    task = rollouts(executor, coder, [unit_test("5", "10"), unit_test("2", "4"), unit_test("3", "7")])
    labels = Consensus(config("reward.labels=consensus", "run.steps=1"), [PROBLEM], executor)
    (labelled,) = labels.label([task], 1, UNINFORMED)
    assert labelled.presumed is not None
    assert not labelled.presumed.others_n.any()
    late = Consensus(config("reward.labels=consensus", "run.steps=2"), [PROBLEM], executor)
    (labelled,) = late.label([task], 2, UNINFORMED)  # all the weight that discrimination gets
    assert labelled.tester_m is not None
    five, two, wrong = labelled.tester_m.tolist()
    assert wrong == -1
    # print(int(input()) + 2) prints 4 for 2: the test with 5 catches a mutant more.
    assert five > two > 0


def test_anchors_count_the_rates_and_are_halved_every_20_steps(executor: Executor) -> None:
    task = rollouts(executor, [program(each) for each in (DOUBLE, DOUBLE, SQUARE, CRASH)], TESTS)
    counts = RateCounts.of([task])
    # Right programs 2 of 4; right tests 2 of 4, the malformed one among the wrong. SQUARE passes 0 -> 0 of the right
    # ones and 3 -> 9 of the wrong ones, CRASH nothing.
    assert counts.numbers() == (2, 2, 2, 2, 1, 3, 1, 3)
    assert counts.priors == Priors(x=(3, 3), y=(3, 3), one=(2, 4), zero=(2, 4))
    assert RateCounts().after(19, counts).numbers() == counts.numbers()
    assert RateCounts().after(20, counts).numbers() == tuple(each / 2 for each in counts.numbers())
    assert RateCounts.read(counts.numbers()) == counts
    assert RateCounts.read(()).priors == Priors(x=(1, 1), y=(1, 1), one=(1, 1), zero=(1, 1))
    figures = anchor_figures([task], UNINFORMED)
    assert (figures.code, figures.ut) == (0.5, 0.5)
    assert figures.precision == 1.0  # the two that agree are right
    assert anchor_figures([task], None).precision is None


def test_too_few_anchors_are_refused() -> None:
    tasks = [Problem(f"t{number}", f"task {number}", (), (IOExample("1", "1"),)) for number in range(12)]
    assert anchors_of(config("reward.labels=consensus"), tasks) == tuple(tasks[:10])
    assert anchors_of(config(), tasks) == ()
    assert anchors_of(config("reward.labels=consensus", "reward.anchors=0"), tasks) == ()
    with pytest.raises(DataError, match=r"has 9 tasks with hidden tests .*reward.anchors = 0"):
        anchors_of(config("reward.labels=consensus"), tasks[:9])


def test_every_label_of_the_schema_has_a_source_and_words_that_warn_of_what_it_lacks() -> None:
    assert list(LABELS) == ["hidden", "tester", "consensus"]
    assert reward_words("hidden", 10, "none") == reward_words("", 0, "") == ""
    assert reward_words("hidden", 10, "reference") == "tests judged by reference programs"
    assert reward_words("consensus", 10, "none") == "labels consensus, 10 anchors"
    assert reward_words("tester:preset:nano", 0, "none") == "labels tester:preset:nano, UNANCHORED"
