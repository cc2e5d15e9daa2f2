"""Converter of APPS: tests and solutions in JSON inside texts; on standard input or, with fn_name, of a function."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import Any

from engine.data.converted import Kept, Options, Unusable
from engine.data.fields import Fields
from engine.data.function_tasks import FunctionRecord, function_task
from engine.data.selection import pair
from engine.data.stdio_tasks import refuse_unjudgeable, stdio_task
from engine.problems import Problem
from engine.problems.functions import JSON_CONSTANTS, PYTHON_CONSTANTS, UNKNOWN, Parameter, Signature, signatures

_SECONDS = 4.0
"""CPU seconds of a test, as the set's own judge gives them."""


def identify(fields: Fields) -> str:
    number = fields.optional("problem_id") or fields.optional("id") or str(fields.index)
    return f"apps/{fields.split}/{number}" if fields.split else f"apps/{number}"


def convert(fields: Fields, options: Options) -> Kept:
    problem = Problem(
        id=identify(fields),
        statement=fields.text("question"),
        public=(),
        hidden=(),
        time_limit=_SECONDS * options.time_factor,
        difficulty=fields.optional("difficulty"),
        dataset=f"apps/{fields.split}" if fields.split else "apps",
        source=fields.optional("url") or identify(fields),
    )
    return of_record(fields, problem, options)


def of_record(fields: Fields, problem: Problem, options: Options) -> Kept:
    """Convert a record of APPS or TACO; `problem` lacks its tests and solutions."""
    tests = fields.json("input_output")
    if not isinstance(tests, dict):
        raise Unusable("it has no test")
    fields_of_tests = Fields(tests)
    pairs = pair(fields_of_tests.rows("inputs"), fields_of_tests.rows("outputs"))
    solutions = fields.json("solutions") or []
    references = tuple(each for each in solutions if isinstance(each, str)) if isinstance(solutions, list) else ()
    name = fields_of_tests.optional("fn_name")
    if not name:
        return stdio_task(replace(problem, solutions=references), [], pairs, options)
    refuse_unjudgeable(problem.statement, options)
    starter = fields.optional("starter_code")
    calls = [(tuple(_arguments(given)), expected) for given, expected in pairs]
    declared = [each for each in signatures([starter]) if each.name == name]
    bare = Signature(name, tuple(Parameter("", UNKNOWN) for _ in (calls or [((), None)])[0][0]), UNKNOWN, True)
    head = (declared or [bare])[-1]
    in_class = "class Solution" in starter or any("class Solution" in each for each in references)
    return function_task(
        FunctionRecord(
            problem=problem,
            head=head if len(head.parameters) == len(bare.parameters) else bare,
            call=f"Solution().{name}" if in_class else name,
            calls=tuple(_without_wrapping(calls, head)),
            references=tuple(f"from typing import *\n{each}" for each in references if _compiles(each)),
            constants=JSON_CONSTANTS if in_class else PYTHON_CONSTANTS,
        ),
        options,
    )


def _arguments(given: object) -> list[Any]:
    if not isinstance(given, list):
        raise Unusable("a test's input is no list of arguments")
    return given


def _without_wrapping(
    calls: list[tuple[tuple[object, ...], object]], head: Signature
) -> list[tuple[tuple[object, ...], object]]:
    """Take results out of lists of one element: some sources of the set wrap every result so, others none."""
    outputs = [output for _, output in calls]
    wrapped = all(isinstance(output, list) and len(output) == 1 for output in outputs)
    if not wrapped or head.returns.kind == "list":
        return calls
    return [(arguments, output[0]) for arguments, output in calls if isinstance(output, list)]


def _compiles(source: str) -> bool:
    try:
        ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
