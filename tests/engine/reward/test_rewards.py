"""Rewards of both roles, their shaping, and trust: hand-worked tables first, then invariants."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import ArrayLike

from engine.reward import rewards  # not the functions: pytest would collect `tester_rewards` as a test
from engine.reward.pass_matrix import BoolArray, FloatArray, PassMatrix
from engine.reward.testers import TESTER_REWARDS
from engine.reward.trust import Trust, aggregate_trust, trust
from tests.engine.reward.matrices import cells

ROOT = Path(__file__).parents[3]
VARIANTS = list(TESTER_REWARDS)


def judged_by(generated_nm: BoolArray, correct_n: ArrayLike, **masks: ArrayLike) -> PassMatrix:
    """Build a matrix whose one ground-truth test the programs of `correct_n` pass."""
    truth_nt = np.array(correct_n, dtype=np.bool_)[:, None]
    return PassMatrix(truth_nt, generated_nm, **{name: np.array(mask, dtype=np.bool_) for name, mask in masks.items()})


def on_truth(truth_nt: BoolArray, **masks: BoolArray) -> PassMatrix:
    return PassMatrix(truth_nt, np.zeros((len(truth_nt), 0), dtype=np.bool_), **masks)


# Two correct programs, then three wrong ones. Tests: right and failed by 3, 2, 0 wrong programs; then wrong
# and passed by 0, 1, 3 wrong programs.
GENERATED = cells(
    "111000",
    "111101",
    "011001",
    "001001",
    "001011",
)
CORRECT = np.array([1, 1, 0, 0, 0], dtype=np.bool_)


@st.composite
def groups(draw: st.DrawFn, any_correct: bool = False) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Draw (generated_nm, correct_n, malformed_m) with empty malformed columns."""
    n, m = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    correct_n = draw(hnp.arrays(np.bool_, (n,)))
    if any_correct:
        correct_n[draw(st.integers(0, n - 1))] = True
    malformed_m = draw(hnp.arrays(np.bool_, (m,)))
    return draw(hnp.arrays(np.bool_, (n, m))) & ~malformed_m, correct_n, malformed_m


finite_rewards = hnp.arrays(np.float64, st.integers(1, 16), elements=st.floats(-20, 20, width=32))


# --- coder --------------------------------------------------------------------------------------------------


def test_a_coder_is_paid_the_share_of_ground_truth_tests_it_passes() -> None:
    assert rewards.coder_rewards(on_truth(cells("1111", "1100", "0000"))).tolist() == [1.0, 0.5, 0.0]


def test_without_ground_truth_every_coder_reward_is_zero() -> None:
    assert rewards.coder_rewards(on_truth(np.zeros((3, 0), dtype=bool))).tolist() == [0.0, 0.0, 0.0]


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 8), st.integers(1, 8))))
def test_mean_and_sum_are_the_same_advantages(truth_nt: BoolArray) -> None:
    of_means = rewards.group_advantages(rewards.coder_rewards(on_truth(truth_nt)))
    assert np.allclose(of_means, rewards.group_advantages(truth_nt.sum(axis=1)))


def test_unknown_truth_cells_count_neither_for_nor_against_a_coder() -> None:
    paid = rewards.coder_rewards(on_truth(cells("11", "00", "10", "00"), known_nt=cells("11", "11", "10", "00")))
    assert paid.tolist() == pytest.approx([1.0, 0.0, 1.0, 2 / 3])  # the last one: the mean of the others
    assert rewards.group_advantages(paid)[3] == pytest.approx(0.0)


# --- tester, hand-worked ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("cure", [3, 2, 0, 0, -1, -3]),
        ("cure-code", [1, 2 / 3, 0, 0, -1 / 3, -1]),
        ("post-stage", [3, 0, 0, 0, -1, -3]),
    ],
)
def test_tester_rewards_of_the_hand_worked_table(variant: str, expected: list[float]) -> None:
    paid = rewards.tester_rewards(judged_by(GENERATED, CORRECT), variant)
    assert paid is not None
    assert paid.tolist() == pytest.approx(expected)
    assert not np.signbit(paid[paid == 0]).any()


@pytest.mark.parametrize(("variant", "expected"), [("cure", [0, 0]), ("cure-code", [1, -1]), ("post-stage", [0, 0])])
def test_tester_rewards_where_no_program_is_wrong(variant: str, expected: list[float]) -> None:
    paid = rewards.tester_rewards(judged_by(cells("10", "11"), [True, True]), variant)
    assert paid is not None
    assert paid.tolist() == expected


@pytest.mark.parametrize("variant", VARIANTS)
def test_without_a_correct_program_the_tester_group_gives_no_signal(variant: str) -> None:
    assert rewards.tester_rewards(judged_by(GENERATED, np.zeros(5)), variant) is None


def test_without_a_test_the_tester_group_gives_no_signal() -> None:
    assert rewards.tester_rewards(judged_by(np.zeros((2, 0), dtype=bool), [True, False])) is None


@pytest.mark.parametrize(("variant", "floor"), [("cure", -3), ("cure-code", -1), ("post-stage", -3)])
def test_a_malformed_test_is_paid_like_the_worst_possible_one(variant: str, floor: float) -> None:
    generated = np.concatenate([GENERATED[:, :3], np.zeros((5, 1), dtype=bool)], axis=1)
    paid = rewards.tester_rewards(judged_by(generated, CORRECT, malformed_m=[0, 0, 0, 1]), variant)
    assert paid is not None
    assert paid[3] == floor


def test_an_unknown_variant_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ValueError, match="cure, cure-code, post-stage"):
        rewards.tester_rewards(judged_by(GENERATED, CORRECT), "cur")


def test_masks_that_do_not_fit_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="truth_nt has 1 programs but generated_nm has 5"):
        judged_by(GENERATED, [True])
    with pytest.raises(ValueError, match=r"malformed_m must have shape \(6,\)"):
        judged_by(GENERATED, CORRECT, malformed_m=[True])


def test_cells_the_sandbox_failed_on_count_neither_for_nor_against_a_test() -> None:
    generated = cells("110", "100", "010", "000")  # program 0 is correct, the others are wrong
    known = cells("111", "001", "011", "110")
    paid = rewards.tester_rewards(judged_by(generated, [True, False, False, False], known_nm=known))
    # test 0: right, failed by the 1 wrong program with a verdict, which stands for all 3
    # test 1: right, passed by one and failed by one: half of 3
    # test 2: fails the correct program, passed by neither of the 2 with a verdict
    assert paid is not None
    assert paid.tolist() == pytest.approx([3.0, 1.5, 0.0])


def test_a_test_without_a_verdict_by_a_correct_program_gets_the_mean_of_its_group() -> None:
    known = np.ones_like(GENERATED)
    known[:2, 5] = False
    paid = rewards.tester_rewards(judged_by(GENERATED, CORRECT, known_nm=known))
    assert paid is not None
    assert paid.tolist() == pytest.approx([3, 2, 0, 0, -1, 0.8])
    assert rewards.tester_rewards(judged_by(GENERATED, CORRECT, known_nm=np.zeros_like(known))) is None


# --- tester, always -----------------------------------------------------------------------------------------


@given(groups(any_correct=True), st.sampled_from(VARIANTS))
def test_a_test_that_fails_a_correct_program_is_never_rewarded(
    group: tuple[BoolArray, BoolArray, BoolArray], variant: str
) -> None:
    generated_nm, correct_n, malformed_m = group
    paid = rewards.tester_rewards(judged_by(generated_nm, correct_n, malformed_m=malformed_m), variant)
    assert paid is not None
    fails_a_correct_one_m = ~generated_nm[correct_n].all(axis=0)
    assert (paid[fails_a_correct_one_m] <= 0).all()
    assert (paid[~fails_a_correct_one_m] >= 0).all()


@given(groups(any_correct=True), st.sampled_from(VARIANTS))
def test_a_malformed_test_is_paid_no_more_than_any_other(
    group: tuple[BoolArray, BoolArray, BoolArray], variant: str
) -> None:
    generated_nm, correct_n, malformed_m = group
    paid = rewards.tester_rewards(judged_by(generated_nm, correct_n, malformed_m=malformed_m), variant)
    assert paid is not None
    assume(malformed_m.any())
    assert paid[malformed_m].max() <= paid.min()


@given(groups(), st.sampled_from(VARIANTS), st.randoms(use_true_random=False))
def test_the_order_of_programs_is_irrelevant_and_that_of_tests_is_kept(
    group: tuple[BoolArray, BoolArray, BoolArray], variant: str, random: object
) -> None:
    generated_nm, correct_n, malformed_m = group
    n, m = generated_nm.shape
    rows, columns = (np.array(random.sample(range(k), k)) for k in (n, m))  # type: ignore[attr-defined]
    paid = rewards.tester_rewards(judged_by(generated_nm, correct_n, malformed_m=malformed_m), variant)
    shuffled = rewards.tester_rewards(
        judged_by(generated_nm[rows][:, columns], correct_n[rows], malformed_m=malformed_m[columns]), variant
    )
    if paid is None:
        assert shuffled is None
    else:
        assert shuffled is not None
        assert np.allclose(shuffled, paid[columns])


@given(groups(any_correct=True))
def test_cure_code_is_cure_divided_by_the_number_of_wrong_programs(
    group: tuple[BoolArray, BoolArray, BoolArray],
) -> None:
    generated_nm, correct_n, malformed_m = group
    assume(not correct_n.all())
    paper = rewards.tester_rewards(judged_by(generated_nm, correct_n, malformed_m=malformed_m), "cure")
    code = rewards.tester_rewards(judged_by(generated_nm, correct_n, malformed_m=malformed_m), "cure-code")
    assert paper is not None
    assert code is not None
    assert np.allclose(code * (~correct_n).sum(), paper)


# --- length transform ---------------------------------------------------------------------------------------


def test_length_transform_of_a_hand_worked_group() -> None:
    # T = 20, l_max = 40: r' = 10, 0, -20 for the positive ones and -20 for the other; balance 40 / 10
    shaped = rewards.length_transform([2, 1, 3, -1], [10, 20, 40, 15])
    raw = np.array([40.0, 0.0, -20.0, -20.0])
    assert shaped.tolist() == pytest.approx((raw / raw.std()).tolist())


def test_a_positive_answer_longer_than_the_median_turns_negative() -> None:
    assert rewards.length_transform([1, 1, 1, -1], [10, 20, 40, 15])[2] < 0


@pytest.mark.parametrize(
    ("rewards_k", "lengths_k"),
    [
        ([-1, 0, -2], [5, 6, 7]),  # no positive answer
        ([1, -1, 0], [5, 6, 7]),  # one positive answer
        ([1, 1, -1], [5, 5, 9]),  # equally long ones
        ([1, 1, 1, -1], [1, 2, 2, 3]),  # r' = 1, 0, 0, 0
        ([1, 1, 1, -1], [1, 1, 2, 3]),  # r' = 0, 0, -1, -1
        ([], []),
    ],
)
def test_a_group_whose_lengths_say_nothing_keeps_its_rewards(rewards_k: list[float], lengths_k: list[int]) -> None:
    assert rewards.length_transform(rewards_k, lengths_k).tolist() == rewards_k


@given(finite_rewards, st.data())
def test_length_transform_gives_mean_zero_and_deviation_one_or_the_rewards_unchanged(
    rewards_k: FloatArray, data: st.DataObject
) -> None:
    lengths_k = data.draw(hnp.arrays(np.int64, rewards_k.size, elements=st.integers(1, 10_000)))
    shaped = rewards.length_transform(rewards_k, lengths_k)
    if not np.array_equal(shaped, rewards_k):
        assert abs(shaped.mean()) < 1e-9
        assert shaped.std() == pytest.approx(1.0)
        order = np.argsort(lengths_k[rewards_k > 0], kind="stable")
        assert (np.diff(shaped[rewards_k > 0][order]) <= 1e-12).all()


# --- advantages ---------------------------------------------------------------------------------------------


@given(finite_rewards)
def test_advantages_have_mean_zero_and_deviation_one(rewards_k: FloatArray) -> None:
    assume(rewards_k.std() > 1e-3)
    advantages = rewards.group_advantages(rewards_k)
    assert abs(advantages.mean()) < 1e-9
    assert advantages.std() == pytest.approx(1.0)
    assert (np.diff(advantages[np.argsort(rewards_k)]) >= 0).all()


@given(finite_rewards, st.floats(0.1, 10), st.floats(-5, 5))
def test_advantages_do_not_depend_on_the_scale_and_offset_of_rewards(
    rewards_k: FloatArray, scale: float, offset: float
) -> None:
    assume(rewards_k.std() > 1e-3)
    assert np.allclose(
        rewards.group_advantages(rewards_k), rewards.group_advantages(scale * rewards_k + offset), atol=1e-6
    )


@given(st.floats(-1e6, 1e6), st.integers(0, 16))
def test_a_group_without_spread_has_no_advantage(value: float, k: int) -> None:
    group = np.full(k, value)
    assert not rewards.has_spread(group)
    assert rewards.group_advantages(group).tolist() == [0.0] * k


def test_rewards_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        rewards.group_advantages([1.0, math.nan])


# --- trust --------------------------------------------------------------------------------------------------


def test_trust_of_the_hand_worked_table() -> None:
    measured = trust(judged_by(GENERATED, CORRECT))
    assert measured.p_u == 3 / 6
    assert measured.p_01 == (0 + 1 + 3) / 9
    assert measured.p_00 == (0 + 1 + 3) / 9
    assert measured.mu == pytest.approx(0.5 * (5 / 9) - 0.5 * (4 / 9))
    assert measured.bound == pytest.approx(1 - math.exp(-((1 / 18) ** 2) * 6 / 8))
    # votes: correct 3 and 5, wrong 3, 2, 3 -> pairs: tie, win, tie and three wins
    assert measured.precision == pytest.approx((0.5 + 1 + 0.5 + 3) / 6)


def test_trust_is_undefined_without_a_correct_program_or_a_test() -> None:
    assert trust(judged_by(GENERATED, np.zeros(5))) == Trust()
    assert trust(judged_by(np.zeros((2, 0), dtype=bool), [True, False])) == Trust()
    empty = Trust()
    assert [empty.p_u, empty.p_01, empty.p_00, empty.mu, empty.bound, empty.precision] == [None] * 6


def test_without_a_wrong_program_only_p_u_is_known() -> None:
    measured = trust(judged_by(cells("10", "10"), [True, True]))
    assert measured.p_u == 0.5
    assert [measured.p_01, measured.mu, measured.bound, measured.precision] == [None] * 4


def test_mu_needs_no_p_01_where_no_test_is_right() -> None:
    measured = trust(judged_by(cells("00", "10"), [True, False]))
    assert measured.p_01 is None
    assert measured.mu == -0.5
    assert measured.bound == 0.0


def test_a_malformed_test_is_a_wrong_test_that_nobody_passes() -> None:
    measured = trust(judged_by(cells("10", "00"), [True, False], malformed_m=[False, True]))
    assert (measured.p_u, measured.p_00, measured.mu) == (0.5, 0.0, 0.5)


def test_unknown_cells_leave_the_denominators() -> None:
    known = cells("10", "11", "01")
    measured = trust(judged_by(cells("10", "10", "01"), [True, False, False], known_nm=known))
    # test 1 has no verdict by the correct program; the last program none on test 0
    assert (measured.n_tests, measured.wrong_on_right, measured.wrong_passes_right) == (1, 1, 1)
    assert measured.precision == 0.5  # each pair ties on the tests both have a verdict on


@given(groups(any_correct=True))
def test_mu_is_the_mean_lead_per_test_of_a_program_that_passes_exactly_the_right_tests(
    group: tuple[BoolArray, BoolArray, BoolArray],
) -> None:
    generated_nm, correct_n, malformed_m = group
    assume(not correct_n.all())
    right_m = generated_nm[correct_n].all(axis=0)
    measured = trust(judged_by(generated_nm, correct_n, malformed_m=malformed_m))
    lead = right_m.mean() - generated_nm[~correct_n].mean()
    assert measured.mu == pytest.approx(lead)


@pytest.mark.parametrize(("p_u", "p_01", "p_00"), [(0.4, 0.2, 0.1), (0.7, 0.5, 0.3), (0.9, 0.3, 0.6)])
def test_simulated_precision_keeps_the_promise_of_the_theorem(p_u: float, p_01: float, p_00: float) -> None:
    rng, m = np.random.default_rng(7), 64
    parts = []
    for _ in range(300):
        right_m = rng.random(m) < p_u
        wrong_rows = rng.random((3, m)) < np.where(right_m, p_01, p_00)
        parts.append(trust(judged_by(np.vstack([right_m, wrong_rows]), [True, False, False, False])))
    pooled = aggregate_trust(parts)
    assert pooled.mu == pytest.approx(p_u * (1 - p_01) - (1 - p_u) * p_00, abs=0.02)
    assert pooled.precision is not None
    assert pooled.bound is not None
    assert pooled.precision >= pooled.bound > 0


def test_aggregation_pools_counts_not_ratios() -> None:
    few = trust(judged_by(cells("1", "0"), [True, False]))  # p_u 1 of 1
    many = trust(judged_by(cells("000", "111"), [True, False]))  # p_u 0 of 3
    pooled = aggregate_trust([few, many, Trust()])
    assert (pooled.n_groups, pooled.n_tests, pooled.p_u) == (2, 4, 0.25)
    assert aggregate_trust([]) == Trust()


# --- the room -----------------------------------------------------------------------------------------------


def test_a_pass_matrix_feeds_rewards_and_trust() -> None:
    pm = PassMatrix(cells("11", "11", "01", "10", "00"), GENERATED)
    paid = rewards.tester_rewards(pm)
    assert paid is not None
    assert paid.tolist() == [3, 2, 0, 0, -1, -3]
    assert rewards.coder_rewards(pm).tolist() == [1, 1, 0.5, 0.5, 0]
    assert trust(pm).p_u == 0.5


def test_importing_rewards_and_pass_matrix_is_light() -> None:
    probe = (
        "import engine.reward.rewards, engine.reward.trust, json, sys, time;"
        "print(json.dumps([time.process_time(), sorted(sys.modules)]))"
    )
    best = math.inf
    command = [sys.executable, "-c", probe]
    for _ in range(3):  # CPU time of interpreter and imports; the best of three, as the machine may be busy
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        cpu_seconds, modules = json.loads(done.stdout)
        assert not {"torch", "transformers", "peft", "scipy", "pydantic", "cure_tui"} & set(modules)
        best = min(best, cpu_seconds)
    assert best < 0.3
