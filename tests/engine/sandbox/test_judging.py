"""Judging of executions: two of the comparisons, and two rules each for exit statuses and prompts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.sandbox import CURE_COMPAT, Executor, Limits, Outcome, SandboxLevel, Status, outputs_match, passes


@pytest.mark.parametrize(
    ("expected", "got", "by_whitespace", "by_tokens"),
    [
        ("1 2\n3", " 1\t2 3\n\n", True, True),
        ("", "\n", True, True),
        ("12", "1 2", False, False),
        ("1.0", "1", False, True),
        ("0.333333333", "0.3333331", False, True),
        ("0.3333", "0.334", False, False),
        ("1000000", "1000001", False, False),
        ("YES", "yes", False, True),
        ("nan", "NaN", False, True),
        ("1 2", "1", False, False),
        ("inf", "1e400", False, False),
        ("x1", "1", False, False),
    ],
)
def test_outputs_are_compared_by_whitespace_or_by_tokens(
    expected: str, got: str, by_whitespace: bool, by_tokens: bool
) -> None:
    assert outputs_match(expected, got) is by_whitespace
    assert outputs_match(expected, got, "tokens") is by_tokens


ENDINGS = {
    "ends by itself": ("print(7)", True, True),
    "exits with 0": ("print(7); raise SystemExit", True, True),
    "exits with 1": ("import sys; print(7); sys.exit(1)", False, True),
    "exits with a text": ("import sys; print(7); sys.exit('done')", False, True),
    "raises": ("print(7); raise ValueError('x')", False, False),
    "raises with a long message": ("print(7); raise ValueError('x' * 3000)", False, False),
    "recurses without end": ("print(7)\ndef f(): f()\nf()", False, False),
    "loops": ("print(7, flush=True)\nwhile True: pass", False, False),
    "crashes": ("import os; print(7, flush=True); os.abort()", False, False),
    "asks with a prompt": ("input('n? '); print(7)", False, True),
    "asks without one": ("input(); print(7)", True, True),
    "asks with two": ("input(1, 2); print(7)", False, False),
}


@pytest.fixture(scope="module")
def compatible(best_level: SandboxLevel) -> Iterator[Executor]:
    with Executor(Limits(cpu_seconds=0.3), cells=1, level=best_level, swallow_prompts=True) as shared:
        yield shared


@pytest.mark.parametrize("name", ENDINGS)
def test_an_answer_counts_by_how_its_program_ended(executor: Executor, compatible: Executor, name: str) -> None:
    source, as_a_process, as_cure = ENDINGS[name]
    assert passes(executor.run(source, ["5\n"])[0], "7") is as_a_process
    assert passes(compatible.run(source, ["5\n"])[0], "7", CURE_COMPAT) is as_cure


def test_a_swallowing_input_leads_to_nothing_of_the_sandbox(compatible: Executor) -> None:
    (outcome,) = compatible.run("print(sorted(k for k in input.__globals__ if k[0] != '_'))", [""])
    assert outcome.stdout == "['input', 'read']\n"


def test_without_a_verdict_nothing_passes() -> None:
    assert not passes(Outcome(Status.INFRASTRUCTURE, stdout="7"), "7")
    assert not passes(Outcome(Status.INFRASTRUCTURE, stdout="7"), "7", CURE_COMPAT)
