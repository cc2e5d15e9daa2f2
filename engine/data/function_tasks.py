"""Tasks from functions: a record's calls and results as tests on standard input, its references as whole programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from engine.data.converted import MOST_REFERENCES, Kept, Options, Unusable
from engine.data.selection import select
from engine.problems import IOExample, Problem
from engine.problems.functions import (
    PYTHON_CONSTANTS,
    UNKNOWN,
    Assertion,
    FunctionTask,
    Parameter,
    Refusal,
    Refused,
    Signature,
    convert_calls,
    program_of,
)
from engine.problems.functions.paragraph import paragraph_of

_LONGEST_SHOWN = 2_000
"""Characters of the worked example of a statement."""


@dataclass(frozen=True, slots=True)
class FunctionRecord:
    """Function that a record asks for, with its calls and their results.

    problem: the task without tests. call: how a program calls the function. shown: number of calls, from the first,
    that the statement may show; the first of them that is short becomes the worked example. references: code that
    declares the function. assertions: those of the calls, one each, of a set that gives them.
    """

    problem: Problem
    head: Signature
    call: str
    calls: tuple[tuple[tuple[object, ...], object], ...]
    references: tuple[str, ...] = ()
    constants: tuple[str, str, str] = PYTHON_CONSTANTS
    assertions: tuple[Assertion, ...] = ()
    shown: int = 1
    notes: tuple[str, ...] = ()


def asserted(
    problem: Problem,
    found: Sequence[Assertion | Refusal],
    head: Signature,
    reference: str,
    *,
    call: str = "",
    as_set: bool = False,
) -> FunctionRecord:
    """Return the record of a function whose tests are assertions. Raises Unusable if less than half can be read.

    call: the function's name where the assertions call it by another one. as_set: its results stand in an arbitrary
    order; they are compared as sets, if no element is lost by that.
    """
    read = [each for each in found if isinstance(each, Assertion)]
    if as_set and all(_has_distinct_elements(each.expected) for each in read):
        read = [_of_a_set(each) for each in read]
    refused = [str(each) for each in found if isinstance(each, Refusal)]
    function = next((each.function for each in read), "")
    same = [each for each in read if each.function == function and each.wrapper == read[0].wrapper]
    if len(same) * 2 < len(found) or not same:
        raise Unusable(refused[0] if refused else "it has no test")
    dropped = len(found) - len(same)
    names = tuple(Parameter("", UNKNOWN) for _ in same[0].arguments)
    fits = len(head.parameters) == len(names)
    return FunctionRecord(
        problem=problem,
        head=replace(head, name=call or function, parameters=head.parameters if fits else names),
        call=call or function,
        calls=tuple((each.arguments, each.expected) for each in same),
        references=(reference,),
        assertions=tuple(same),
        notes=(f"{dropped} of {len(found)} assertions left out: {(refused or ['of another form'])[0]}",)
        * bool(dropped),
    )


def _has_distinct_elements(value: object) -> bool:
    try:
        return isinstance(value, list | tuple) and len(set(value)) == len(value)
    except TypeError:  # an element that no set can hold
        return False


def _of_a_set(assertion: Assertion) -> Assertion:
    call, expected = f"set({assertion.call})", set(cast(Any, assertion.expected))
    source = f"assert {call} == set({assertion.expected!r})"
    return replace(assertion, call=call, source=source, wrapper="set", expected=expected)


def function_task(record: FunctionRecord, options: Options) -> Kept:
    """Make the task of a function: tests, the encoding in its statement, its references as programs.

    The only test of a task is hidden. Raises Unusable where less than half of the tests can be converted without loss.
    """
    task = _converted(record, options)
    reasons = [each.reason for each in task.examples if isinstance(each, Refused)]
    examples = list(dict.fromkeys(task.converted))
    if len(task.converted) * 2 < len(task.examples) or not examples:
        raise Unusable(reasons[0] if reasons else "it has no test")
    may_show = examples[: record.shown] if len(examples) > 1 else []
    short = (each for each in may_show if len(each.input + each.output) <= _LONGEST_SHOWN)
    worked = next(short, None)
    public = [] if worked is None else [(worked.input, worked.output)]
    tests = select(public, [(each.input, each.output) for each in examples if each != worked], options)
    wrapper = record.assertions[0].wrapper if record.assertions else ""
    notes: tuple[str, ...] = ()
    if reasons:
        notes = (f"{len(reasons)} of {len(task.examples)} tests left out: {reasons[0]}",)
    paragraph = paragraph_of(task.form, [worked] if worked else [])
    problem = replace(
        record.problem,
        statement=f"{record.problem.statement.strip()}\n\n{paragraph}",
        public=tests.public,
        hidden=tests.hidden,
        solutions=tuple(program_of(task, code, record.call, wrapper) for code in record.references[:MOST_REFERENCES]),
        compare=task.compare,
        style=task.style,
    )
    widest = max((each.tolerance for each in record.assertions), default=0.0)
    if widest:
        problem = replace(problem, compare="json" if task.style == "json" else "tokens")
        notes += (f"its assertions accept a difference of {widest:.3g}",) if widest > 1e-5 else ()
    return Kept(
        problem,
        notes=(*record.notes, *notes, *tests.notes),
        witness=_witness(record),
        respell=lambda results: _respelled(record, results, options),
    )


def _converted(record: FunctionRecord, options: Options) -> FunctionTask:
    """Convert the calls under the declared types, or under those of the values alone if more of them fit so."""
    task = convert_calls(record.head, record.calls, record.constants, options.style)
    if all(isinstance(each, IOExample) for each in task.examples):
        return task
    bare = tuple(replace(each, type=UNKNOWN) for each in record.head.parameters)
    head = replace(record.head, parameters=bare, returns=UNKNOWN)
    other = convert_calls(head, record.calls, record.constants, options.style)
    return other if len(other.converted) > len(task.converted) else task


def _witness(record: FunctionRecord) -> str:
    if not record.assertions:
        return ""
    checks = [f"{each.source}\nprint(repr({each.call}))" for each in record.assertions]
    alias = f"{record.assertions[0].function} = {record.call}"
    return "\n".join((record.references[0], "import math", alias, *checks, ""))


def _respelled(record: FunctionRecord, results: Sequence[object], options: Options) -> Kept:
    if any(each.is_truth for each in record.assertions):
        raise Unusable("its assertions take any true value, and its reference returns no boolean")
    calls = tuple((arguments, result) for (arguments, _), result in zip(record.calls, results, strict=True))
    return replace(function_task(replace(record, calls=calls), options), respell=None)
