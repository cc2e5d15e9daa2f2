"""Aggregation over tasks: every metric by hand, constant denominators, a JSON round trip, the table."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.evaluation.metrics import best_of_n_accuracy, distinct_inputs, summarise, trivial_share
from engine.evaluation.results import TaskResult
from engine.evaluation.summary import UNKNOWN, EvalSummary, UtBasis
from engine.evaluation.table import format_table
from engine.reward.pass_matrix import PassMatrix
from engine.reward.trust import Trust

ROOT = Path(__file__).parents[3]


def task(
    truth: list[str],
    generated: list[str],
    right: str = "",
    valid: str | None = None,
    malformed: str = "",
    rejected: str = "",
    unknown_programs: str = "",
    undecided: str = "",
    inputs: tuple[str, ...] = (),
    outputs: tuple[str, ...] = (),
    basis: UtBasis = UtBasis.REFERENCE,
    coder_length: int = 10,
) -> TaskResult:
    """Build a result from strings of 0 and 1.

    `unknown_programs`: rows of truth without verdict; `undecided`: tests without a judgement.
    """

    def bits(marks: str, size: int) -> np.ndarray:
        return np.array([mark == "1" for mark in (marks or "0" * size)], dtype=bool)

    n, m = len(generated), len(generated[0]) if generated else len(malformed)
    truth_nt = np.array([bits(row, 0) for row in truth]).reshape(n, -1)
    known_nt = np.ones_like(truth_nt) & ~bits(unknown_programs, n)[:, None]
    rejected_n = bits(rejected, n)
    return TaskResult(
        task_id="t",
        matrix=PassMatrix(
            truth_nt,
            np.array([bits(row, 0) for row in generated]).reshape(n, m),
            malformed_m=bits(malformed, m),
            rejected_n=rejected_n,
            known_nt=known_nt,
        ),
        test_right_m=bits(right, m),
        test_judged_m=~bits(undecided, m),
        test_valid_m=None if valid is None else bits(valid, m),
        ut_basis=basis,
        programs=tuple(None if gone else f"print({row})" for gone, row in zip(rejected_n, generated, strict=True)),
        test_inputs=inputs or ("1 2",) * m,
        test_outputs=outputs or ("3",) * m,
        coder_lengths_n=np.full(n, coder_length),
        tester_lengths_m=np.arange(m),
    )


def small(results: list[TaskResult]) -> EvalSummary:
    return summarise(results, bon_sizes=((1, 1),))


GOOD = task(["1", "1", "0", "0"], ["1101", "1101", "0100", "0000"], right="1101", valid="1011")
HOPELESS = task(
    ["0", "0", "0", "0"],
    ["0000"] * 4,
    malformed="1111",
    rejected="1111",
    valid="0000",
    basis=UtBasis.NONE,
    coder_length=30,
)


def test_each_metric_is_the_mean_over_tasks() -> None:
    summary = summarise([GOOD, HOPELESS], bon_sizes=((2, 2), (4, 4)))
    means = {
        name: value["mean"] for name, value in summary.to_json().items() if isinstance(value, dict) and "mean" in value
    }
    assert means == {
        "code": 0.25,
        "ut": 0.25,
        "ut_raw": 0.375,
        "valid_share": 0.375,
        "pass_at_n": 0.5,
        "trivial_share": 0.0,
        "distinct_inputs": 0.5,
        "distinct_programs": 1.5,
        "malformed_share": 0.5,
        "rejected_share": 0.5,
        "recovered_share": 0.0,
        "unknown_share": 0.0,
        "coder_length": 20.0,
        "tester_length": 1.5,
    }
    assert summary.bon["4x4"].mean == 0.5
    assert summary.bon["2x2"].mean == 0.25  # GOOD: block 0 is right, block 1 holds wrong programs only
    assert summary.ut_bases == {UtBasis.REFERENCE: 1, UtBasis.NONE: 1}
    assert summary.trust.n_groups == 1
    assert summary.trust.precision == 1.0


def test_tasks_without_a_program_or_a_test_stay_in_every_denominator() -> None:
    summary = small([GOOD, HOPELESS, HOPELESS, HOPELESS])
    for estimate in (
        summary.code,
        summary.ut,
        summary.pass_at_n,
        summary.bon["1x1"],
        summary.malformed_share,
    ):
        assert estimate.n_tasks == 4
    assert summary.code.mean == 0.5 / 4


def test_a_malformed_test_lowers_accuracy_like_a_wrong_one() -> None:
    wrong = task(["1"], ["10"], right="10")
    malformed = task(["1"], ["10"], right="10", malformed="01")
    assert small([wrong]).ut.mean == small([malformed]).ut.mean == 0.5


def test_validity_lowers_accuracy_only_where_it_is_known() -> None:
    summary = small([task(["1"], ["11"], right="11", valid="10"), task(["1"], ["11"], right="11")])
    assert (summary.ut.mean, summary.ut_raw.mean) == (0.75, 1.0)
    assert (summary.valid_share.mean, summary.valid_share.n_tasks) == (0.5, 1)


def test_programs_without_a_verdict_leave_the_code_denominator() -> None:
    half = task(["1", "1", "0"], ["1", "1", "1"], unknown_programs="010")
    lost = task(["1"], ["1"], unknown_programs="1")
    summary = small([half, lost])
    assert (summary.code.mean, summary.code.n_tasks) == (0.5, 1)
    assert summary.unknown_share.mean == pytest.approx((1 / 6 + 1 / 2) / 2)


def test_tests_without_a_verdict_leave_the_ut_denominator() -> None:
    half = task(["1"], ["111"], right="100", undecided="001")
    lost = task(["1"], ["111"], undecided="111")
    summary = small([half, lost])
    assert (summary.ut.mean, summary.ut.n_tasks) == (0.5, 1)
    assert (summary.ut_raw.mean, summary.ut_raw.n_tasks) == (0.5, 1)


def test_a_task_without_anybody_to_judge_its_tests_stays_with_none_right() -> None:
    summary = small([task(["1"], ["11"], right="11"), task(["0"], ["11"], basis=UtBasis.NONE)])
    assert (summary.ut.mean, summary.ut.n_tasks) == (0.5, 2)


def test_bon_averages_disjoint_blocks_and_leaves_the_rest_unused() -> None:
    # programs 0-1 on tests 0-1 pick 0, which is right; 2-3 on 2-3 pick 3, which is wrong; the fifth is unused
    result = task(["1", "0", "1", "0", "1"], ["10000", "00000", "00000", "00110", "00001"])
    assert best_of_n_accuracy(result, 2, 2) == 0.5
    assert best_of_n_accuracy(result, 5, 5) == 0.0


def test_bon_of_more_samples_than_a_task_has_is_refused() -> None:
    with pytest.raises(ValueError, match=r"BoN\(16, 16\) is undefined for task t, which has 4 programs and 4 tests"):
        summarise([GOOD])


def test_summarising_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no task results"):
        summarise([])


def test_trivial_outputs_are_stock_values_and_echoes_but_not_malformed_tests() -> None:
    result = task(
        ["1"],
        ["000000"],
        malformed="000001",
        inputs=("5", "a\nb", "4", "7", "8", ""),
        outputs=(" -1\n", "a b", "None", "14", "0", ""),
    )
    assert trivial_share(result) == pytest.approx(4 / 6)


def test_inputs_are_distinct_up_to_white_space_among_well_formed_tests() -> None:
    result = task(["1"], ["0000"], malformed="0001", inputs=("1 2", "1\n2\n", "3", "4"))
    assert distinct_inputs(result) == 2.0


def test_the_same_results_and_seed_give_the_same_summary() -> None:
    results = [GOOD, HOPELESS, GOOD]
    assert small(results) == small(results)


def test_a_summary_survives_json() -> None:
    summary = summarise([GOOD, HOPELESS, GOOD], bon_sizes=((2, 2), (4, 4)))
    record = json.loads(json.dumps(summary.to_json(), allow_nan=False))
    assert EvalSummary.from_json(record).to_json() == summary.to_json()
    assert EvalSummary.from_json(record).trust == summary.trust
    assert record["trust"]["mu"] == round(summary.trust.mu or math.nan, 6)


def test_a_record_that_is_no_summary_is_refused() -> None:
    record = small([GOOD]).to_json()
    del record["code"]
    with pytest.raises(DataError, match="code"):
        EvalSummary.from_json(record)


def test_an_estimate_that_lacks_a_key_is_no_summary_to_resume_from() -> None:
    record = small([GOOD]).to_json()
    del record["ut"]["se"]
    with pytest.raises(DataError, match="se"):
        EvalSummary.from_json(record)


def test_of_a_summary_of_another_version_the_rest_can_be_read() -> None:
    whole = summarise([GOOD, HOPELESS], bon_sizes=((2, 2), (4, 4)))
    record = whole.to_json() | {"trust": {"counts": {"cells": 3}}, "ut_bases": {"oracle": 2}, "colour": "blue"}
    del record["pass_at_n"], record["code"]["se"], record["n_tasks"]
    read = EvalSummary.from_json(record, strict=False)
    assert (read.code.mean, read.code.standard_error) == (whole.to_json()["code"]["mean"], None)
    assert (read.pass_at_n, read.trust, read.ut_bases, read.n_tasks) == (UNKNOWN, Trust(), {}, 0)
    assert read.largest_bon == EvalSummary.from_json(whole.to_json()).bon["4x4"]
    assert "any program correct" in format_table(read, whole)


def test_nothing_at_all_is_a_summary_in_which_all_is_unknown() -> None:
    assert set(EvalSummary.from_json({}, strict=False).accuracies.values()) == {UNKNOWN}


def test_the_headline_holds_the_means() -> None:
    assert summarise([GOOD, HOPELESS], ((4, 4),)).headline() == {
        "code": 0.25,
        "ut": 0.25,
        "bon": {"4x4": 0.5},
        "consensus": {},
        "n_tasks": 2,
    }


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_accuracies_are_bracketed_by_their_intervals_and_bon_by_pass_at_n(n_tasks: int, seed: int) -> None:
    rng = np.random.default_rng(seed)

    def rows(n: int, width: int) -> list[str]:
        return ["".join(map(str, row)) for row in rng.integers(0, 2, (n, width))]

    results = [task(rows(4, 1), rows(4, 4), right=rows(1, 4)[0], malformed=rows(1, 4)[0]) for _ in range(n_tasks)]
    summary = summarise(results, bon_sizes=((4, 4),))
    for estimate in (summary.code, summary.ut, summary.bon["4x4"]):
        assert estimate.mean is not None
        assert 0 <= estimate.mean <= 1
        if n_tasks > 1:
            assert estimate.low is not None
            assert estimate.high is not None
            assert 0 <= estimate.low <= estimate.mean + 1e-9
            assert estimate.mean - 1e-9 <= estimate.high <= 1 + 1e-9
    assert (summary.bon["4x4"].mean or 0) <= (summary.pass_at_n.mean or 0)


def test_the_table_shows_start_end_and_change() -> None:
    table = format_table(summarise([HOPELESS, HOPELESS], ((4, 4),)), summarise([GOOD, HOPELESS], ((4, 4),)))
    lines = {line.split("  ")[0]: line.split() for line in table.splitlines()}
    assert lines["code accuracy"][2:] == ["0.0", "±", "0.0", "25.0", "±", "25.0", "+25.0"]
    assert lines["BoN(4, 4)"][-1] == "+50.0"
    assert lines["coder length, tokens"][-1] == "-10.0"
    assert lines["mu"][1] == "-"
    assert lines["mu"][-1] == "-"
    assert "unit tests judged by: none (2) at the start, none (1), reference (1) at the end" in table
    widths = {len(line) for line in table.splitlines()[:-2]}
    assert len(widths) == 1


def test_the_table_leaves_out_what_neither_evaluation_can_say() -> None:
    summary = small([task(["1"], ["1"], right="1")])
    table = format_table(summary, summary)
    assert "valid" not in table
    assert "verdict" not in table


def test_importing_evaluation_loads_no_framework() -> None:
    probe = "import engine.evaluation.metrics, engine.evaluation.table, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "peft", "cure_tui"} & set(done.stdout.split())


def test_summaries_are_read_without_numpy() -> None:
    probe = "import engine.evaluation.summary, engine.runs.state, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "numpy" not in done.stdout.split()
