"""Mutants: each kind of change is made, all compile, and none is the program itself."""

from __future__ import annotations

import ast

import pytest

from engine.train.labels.mutants import CANDIDATES, mutants

SOURCE = """\
a, b = map(int, input().split())
if a < b:
    a = max(a, 3) + b
print(a)
"""


@pytest.mark.parametrize("change", ["a <= b", "min(a, 3)", "max(a, 4)", "max(a, 2)", "max(a, 3) - b", "pass"])
def test_every_kind_of_change_is_made(change: str) -> None:
    assert any(change in mutant for mutant in mutants(SOURCE))


def test_mutants_compile_differ_and_come_in_the_same_order() -> None:
    found = mutants(SOURCE)
    assert found == mutants(SOURCE)
    assert len(set(found)) == len(found) <= CANDIDATES
    for mutant in found:
        assert ast.unparse(ast.parse(mutant)) != ast.unparse(ast.parse(SOURCE))


def test_the_first_ones_are_of_different_kinds() -> None:
    first = mutants(SOURCE, most=5)
    assert len(first) == 5
    assert sum("<=" in mutant for mutant in first) == 1


@pytest.mark.parametrize("source", ["", "print(", "x = (" * 50, "pass\n" * 5000, "\0"])
def test_odd_sources_have_none(source: str) -> None:
    assert mutants(source) in ([], ["pass"])
