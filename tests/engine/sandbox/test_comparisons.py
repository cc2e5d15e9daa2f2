"""Comparisons of outputs: the table of verdicts in the sandbox's README, properties, and time on any input."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import sandbox
from engine.sandbox import Judging, Outcome, Status, outputs_match, passes
from engine.sandbox.comparisons import COMPARISONS

README = Path(sandbox.__file__).with_name("README.md")


def by_cure(expected: str, got: str) -> bool:
    return " ".join(expected.split()) == " ".join(got.split())


def by_livecodebench(expected: str, got: str) -> bool:
    """Judge as LiveCodeBench's testing_util.py does: line by line, and a line that differs as decimals."""

    def decimals(line: str) -> list[Decimal]:
        return [Decimal(token) for token in line.split()]

    expected_lines, got_lines = ([line.strip() for line in text.strip().split("\n")] for text in (expected, got))
    if len(expected_lines) != len(got_lines):
        return False
    try:
        return all(a == b or decimals(a) == decimals(b) for a, b in zip(expected_lines, got_lines, strict=True))
    except ArithmeticError:
        return False


def by_checker(expected: str, got: str) -> bool:
    def matches(expected: str, got: str) -> bool:
        try:
            return expected == got or math.isclose(float(expected), float(got), rel_tol=1e-6, abs_tol=1e-6)
        except ValueError:
            return False

    expected_tokens, got_tokens = expected.split(), got.split()
    return len(expected_tokens) == len(got_tokens) and all(map(matches, expected_tokens, got_tokens))


JUDGES: dict[str, Callable[[str, str], bool]] = {
    "CURE": by_cure,
    "LiveCodeBench": by_livecodebench,
    "1e-6 checker": by_checker,
    **COMPARISONS,
}


def rows_of_the_readme() -> list[dict[str, str]]:
    lines = README.read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| expected |"))
    head = [cell.strip() for cell in lines[start].strip("|").split("|")]
    table = lines[start + 2 : lines.index("", start)]
    return [dict(zip(head, (cell.strip() for cell in line.strip("|").split("|")), strict=True)) for line in table]


def text_of(cell: str) -> str:
    text = cell[1:-1].replace("␣", " ")
    return text.replace("\\n", "\n").replace("\\r", "\r")


ROWS = rows_of_the_readme()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['expected']} {row['printed']}")
def test_every_verdict_in_the_readme_is_given(row: dict[str, str]) -> None:
    expected, got = text_of(row["expected"]), text_of(row["printed"])
    assert set(row) == {"expected", "printed", *JUDGES}
    assert {name: "yes" if judge(expected, got) else "no" for name, judge in JUDGES.items()} == {
        name: row[name] for name in JUDGES
    }


def test_the_readme_shows_sixty_different_pairs() -> None:
    assert len({(row["expected"], row["printed"]) for row in ROWS}) == 60


@given(st.integers(), st.integers())
def test_integers_match_only_if_they_are_equal(a: int, b: int) -> None:
    for name in COMPARISONS:
        assert outputs_match(str(a), str(b), name) is (a == b)
        assert not outputs_match(str(a), str(a + 1), name)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_spelling_of_a_float_is_the_same_number(value: float) -> None:
    for spelling in (repr(value), format(Decimal(value), "f"), f"{value:.17e}"):
        assert outputs_match(repr(value), spelling, "numbers")
        assert outputs_match(repr(value), spelling, "tokens")


@pytest.mark.parametrize("comparison", COMPARISONS)
@given(text=st.text(alphabet=st.characters(), max_size=30), ending=st.sampled_from(["", "\n", " \n\n"]))
def test_an_output_that_equals_the_expected_one_passes(comparison: str, text: str, ending: str) -> None:
    assert outputs_match(text, text + ending, comparison)


@pytest.mark.parametrize("comparison", COMPARISONS)
@given(expected=st.text(alphabet="0123456789+-.eE_ \n[]{}:,\"'x٣\0\ud800"), got=st.text(alphabet="0123456789.eE+-[], "))
def test_no_output_makes_a_comparison_raise(comparison: str, expected: str, got: str) -> None:
    assert outputs_match(expected, got, comparison) in (True, False)


LENGTH = 250_000  # characters: what is quadratic in them takes minutes
LONG = {
    "digits": "1" * LENGTH,
    "other digits": "1" * (LENGTH - 1) + "2",
    "digits with a fraction": "1" * LENGTH + ".5",
    "a long fraction": "1." + "1" * LENGTH,
    "a long exponent": "1e" + "9" * LENGTH,
    "digits and a letter": "1" * LENGTH + "x",
    "points": "1." * (LENGTH // 2),
    "exponents": "1.1e1" * (LENGTH // 5),
    "signs": "-" * LENGTH,
    "numbers": "1 " * (LENGTH // 2),
    "NUL": "\0" * LENGTH,
    "surrogates": "\ud800" * LENGTH,
    "digits of Arabic": "٣" * LENGTH,
    "open brackets": "[" * LENGTH,
    "a list": "[" + "1," * (LENGTH // 2) + "1]",
    "nested lists": "[" * 900 + "]" * 900,
    "beyond floats": "1e999999",
    "beyond decimals": "1e-999999999999999999999",
    "the largest decimal": "1e999999999999999999",
    "nan": "nan",
    "inf": "inf",
}


@pytest.mark.parametrize("comparison", COMPARISONS)
@pytest.mark.parametrize("expected", LONG)
def test_a_comparison_takes_linear_time(comparison: str, expected: str) -> None:
    started = time.process_time()
    for name, got in LONG.items():
        assert outputs_match(LONG[expected], got, comparison) is (name == expected)
    assert time.process_time() - started < 1.0 * len(LONG)  # 0.1 s at most for one pair; quadratic: minutes


def test_a_tasks_own_comparison_takes_precedence() -> None:
    half = Outcome(Status.OK, stdout="0.50\n", exit_code=0)
    judging = Judging("whitespace", any_exit_status=True)
    assert not passes(half, "0.5", judging.for_task(""))
    assert passes(half, "0.5", judging.for_task("numbers"))
    assert judging.for_task("numbers").any_exit_status
