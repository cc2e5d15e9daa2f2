"""`cure-tui solve --check`: problems as they were read, before any answer is sampled."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cure_tui.solving.reading import ReadProblem, overridden, read_source
from engine.errors import CureError
from engine.printable import printable

_SHOWN_LINES = 12
_KINDS = {
    "stdin": "a program that reads standard input",
    "function": "a function, asked of a program",
    "class": "a class",
    "sql": "an SQL query",
    "shell": "a shell script",
    "interactive": "a dialogue with a judge",
    "unknown": "not said by the text",
}
_DEFAULT_COMPARISON = "whitespace"


def check(
    sources: Sequence[str], index: str | None, time_limit: float | None, comparison: str | None
) -> tuple[list[ReadProblem], list[str]]:
    """Read every problem of every source that can be read; return them, and a line for each source that cannot."""
    found: list[ReadProblem] = []
    faults: list[str] = []
    for source in sources:
        try:
            found += [overridden(problem, time_limit, comparison) for problem in read_source(source, index)]
        except CureError as error:
            faults.append(str(error))
    return found, faults


def understood(problem: ReadProblem) -> str:
    """Return kind, limits, comparison, examples, doubts and the beginning of the statement as text."""
    read = problem.read
    count = len(read.problem.public)
    said = "" if read.time_limit else ", by default: the text names none"
    lines = [
        f"{problem.origin}: {read.problem.id}",
        f"kind         {read.kind}: {_KINDS[read.kind]}",
        f"time limit   {read.problem.time_limit:g} s per test{said}",
        *([f"memory limit {read.memory_limit:g} MB in the text"] if read.memory_limit else []),
        f"comparison   {read.problem.compare or _DEFAULT_COMPARISON}",
        f"examples     {count or 'none: generated tests alone decide'}",
    ]
    if any(read.converted):
        lines.append("             function calls, converted to lines of standard input")
    for number, example in enumerate(read.problem.public, 1):
        lines += [f"  {number} input", _indented(example.input), f"  {number} output", _indented(example.output)]
    lines += [f"doubt        {sentence}" for sentence in doubts(problem)]
    words = len(read.problem.statement.split())
    lines += [f"statement    {words} words", _indented(read.prose[:400] + (" ..." if len(read.prose) > 400 else ""))]
    return "\n".join(lines)


def as_json(problems: Sequence[ReadProblem]) -> str:
    """Return a JSON list, one object a problem."""
    text = json.dumps([_object(problem) for problem in problems], ensure_ascii=False, indent=1)
    return printable(text, keep="\n", shown=lambda character: json.dumps(character)[1:-1])


def doubts(problem: ReadProblem) -> tuple[str, ...]:
    """Return the sentences of doubt of a problem, that its source holds more among them."""
    if problem.siblings == 1 or problem.is_chosen:
        return problem.read.doubts
    return (f"{problem.source} holds {problem.siblings} problems: choose with --index", *problem.read.doubts)


def libraries() -> str:
    """Name the installed libraries that the programs may import."""
    from engine.sandbox import found_libraries

    return f"programs may import: {', '.join(map(str, found_libraries())) or 'the standard library alone'}"


def _object(problem: ReadProblem) -> dict[str, Any]:
    """Return a problem as an object. Its examples are those that programs run with, or, if none can, as written."""
    read = problem.read
    examples = read.problem.public or read.raw
    converted = read.converted if read.problem.public else (False,) * len(examples)
    return {
        "file": problem.source,
        "title": read.title,
        "kind": read.kind,
        "examples": [
            {"input": example.input, "output": example.output, "converted": was_call}
            for example, was_call in zip(examples, converted, strict=True)
        ],
        "time_limit": read.time_limit,
        "memory_limit": read.memory_limit,
        "comparison": read.problem.compare or _DEFAULT_COMPARISON,
        "statement": read.problem.statement,
        "doubts": list(doubts(problem)),
    }


def _indented(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    more = [f"... ({len(lines) - _SHOWN_LINES} more lines)"] if len(lines) > _SHOWN_LINES else []
    return "\n".join(f"      {line}" for line in [*lines[:_SHOWN_LINES], *more])
