"""Statements in the formats of 18 judges and habits: what is read of them, and that nothing is lost in silence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from engine.problems.statement import Statement, read_statements
from engine.problems.statement.decoding import decode

FAMILIES = Path(__file__).parents[1] / "families"
EXPECTED = sorted(FAMILIES.glob("*/*.json"))


def source_of(expected: Path) -> Path:
    (source,) = (path for path in expected.parent.glob(f"{expected.stem}.*") if path.suffix != ".json")
    return source


def read(expected: Path) -> tuple[list[Statement], Mapping[str, Any]]:
    source = source_of(expected)
    wanted: Mapping[str, Any] = json.loads(expected.read_text(encoding="utf-8"))
    return read_statements(decode(source.read_bytes(), source.name), str(source)), wanted


def pairs(statement: Statement, wanted: Mapping[str, Any]) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    return (
        [(example.input, example.output) for example in statement.raw],
        [(example["input"], example["output"]) for example in wanted["examples"]],
    )


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_no_example_is_misread_and_none_is_lost_in_silence(expected: Path) -> None:
    statements, wanted = read(expected)
    got, examples = pairs(statements[0], wanted)
    assert [example for example in got if example not in examples] == []
    assert got == examples or statements[0].doubts


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_kind_limits_and_number_of_problems_are_those_of_the_text(expected: Path) -> None:
    statements, wanted = read(expected)
    assert len(statements) == wanted.get("problems", 1)
    got = statements[0]
    assert (got.kind, got.time_limit, got.memory_limit) == (
        wanted["kind"], wanted["time_limit"], wanted["memory_limit"],
    )  # fmt: skip


@pytest.mark.parametrize("family", sorted({path.parent.name for path in EXPECTED}))
def test_the_examples_of_a_family_are_exact_in_95_percent(family: str) -> None:
    exact = []
    for expected in (path for path in EXPECTED if path.parent.name == family):
        statements, wanted = read(expected)
        got, examples = pairs(statements[0], wanted)
        exact.append(got == examples)
    assert len(exact) >= 9
    assert sum(exact) >= 0.95 * len(exact)


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_statement_holds_words_and_no_tags(expected: Path) -> None:
    statements, _ = read(expected)
    assert all(statement.prose for statement in statements)
    for tag in ("<p>", "<pre", "<div", "<strong>", "&nbsp;", "<script"):
        assert tag not in statements[0].prose
