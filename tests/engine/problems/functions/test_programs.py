"""Tests of programs around functions: what they read and print is exactly what the encoding writes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.problems.functions import (
    JSON_CONSTANTS,
    PYTHON_CONSTANTS,
    UNKNOWN,
    Parameter,
    Signature,
    convert_calls,
    program_of,
)
from engine.problems.functions.encoding import Style
from engine.problems.problem import IOExample
from engine.sandbox import Executor, outputs_match

VALUES: list[object] = [
    7, -2.5, True, "two words ", "", [1, 2], [], [True, False], ["a", "b"], (1, "x"), (1.5, 2.5, 3.5),
    {3, 1, 2}, {"b", "a"},
    [[1, 2], [3, 4]], [("a", 1), ("b", 2)], {"k": 1, "a": 2}, {2: "b", 1: "a"}, [[1], [2, 3]], [None, 1], [1, 2.5],
    ["", "a b"], {"x": [1, 2]}, {(1, 2): 3}, [{1, 2}, {3}], [[[1]], [[2]]], None, "a\nb", "ü\u2028", {1, 2.5}, {},
]  # fmt: skip


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(cells=2) as made:
        yield made


@pytest.mark.parametrize("style", [None, "json"])
@pytest.mark.parametrize("constants", [PYTHON_CONSTANTS, JSON_CONSTANTS])
def test_a_program_reads_the_arguments_and_prints_the_result_of_the_encoding(
    executor: Executor, style: Style | None, constants: tuple[str, str, str]
) -> None:
    head = Signature(
        "same", (Parameter("n", UNKNOWN), Parameter("x", UNKNOWN), Parameter("last", UNKNOWN)), UNKNOWN, True
    )
    check = "assert (n, last) == (1, 'end') and x == VALUE and type(x) is type(VALUE), x"
    code = f"def same(n, x, last):\n    {check}\n    return x"
    runs = []
    for value in VALUES:
        task = convert_calls(head, [((1, value, "end"), value)], constants, style)
        example = task.examples[0]
        assert isinstance(example, IOExample), (value, example)
        program = program_of(task, f"VALUE = {value!r}\n{code}", "same")
        runs.append((value, task.compare, example, executor.submit(program, [example.input])))
    for value, compare, example, run in runs:
        outcome = run.result()[0]
        assert outputs_match(example.output, outcome.stdout, compare or "whitespace"), (value, outcome.stderr_tail)


def test_a_conversion_of_the_result_and_a_method_are_called(executor: Executor) -> None:
    head = Signature("f", (Parameter("", UNKNOWN),), UNKNOWN, True)
    task = convert_calls(head, [(([3, 1],), {1, 3})])
    program = program_of(task, "class Solution:\n    def f(self, a): return a + a", "Solution().f", "set")
    assert executor.run(program, ["3 1\n"])[0].stdout == "1 3\n"
