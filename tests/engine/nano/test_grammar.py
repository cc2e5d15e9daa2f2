"""Grammar of tasks: its own answers agree with real execution of its programs."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest

from engine.nano.grammar import (
    FAMILIES,
    RIGHT,
    Composition,
    Family,
    NoAnswer,
    answer,
    compositions,
    draw_input,
    is_valid_input,
    program,
)


def _execute(source: str, text: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", source], input=text, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.strip()


def _sample(family: Family, count: int) -> list[Composition]:
    return random.Random(family.name).sample(compositions(family), count)


def test_there_are_at_least_four_families_and_a_thousand_compositions() -> None:
    assert len(FAMILIES) >= 4
    assert sum(len(compositions(family)) for family in FAMILIES) >= 1000


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_real_programs_print_what_the_grammar_works_out_for_right_and_wrong_readings(family: Family) -> None:
    rng = random.Random(7)
    for composition in _sample(family, 4):
        for reading in (RIGHT, (False, True, True), (True, False, True), (True, True, False)):
            text = draw_input(composition, rng)
            try:
                expected = answer(composition, text, reading)
            except NoAnswer:
                assert _execute(program(composition, reading), text)[0] != 0
                continue
            assert _execute(program(composition, reading), text) == (0, expected)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
@pytest.mark.parametrize("text", ["", "\n", "5", "1 2 3 4 5 6", "x y"])
def test_right_programs_fail_on_inputs_that_break_the_format(family: Family, text: str) -> None:
    for composition in _sample(family, 2):
        assert not is_valid_input(composition.id, text)
        status, printed = _execute(program(composition), text)
        assert status != 0 or printed == ""


def test_a_selection_that_keeps_nothing_is_an_error_not_a_convention() -> None:
    numbers = FAMILIES[0]
    keep_even_take_largest = Composition(numbers, (0, 0, 0))
    assert _execute(program(keep_even_take_largest), "1 3 5 7")[0] != 0
    assert not is_valid_input(keep_even_take_largest.id, "1 3 5 7")
    with pytest.raises(NoAnswer):
        answer(keep_even_take_largest, "1 3 5 7")


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_drawn_inputs_are_valid_and_varied(family: Family) -> None:
    rng = random.Random(3)
    for composition in _sample(family, 5):
        texts = [draw_input(composition, rng) for _ in range(16)]
        assert all(is_valid_input(composition.id, text) for text in texts)
        assert len(set(texts)) >= 8
