"""Reader of problems: Markdown files, standard input, CURE JSON with an index."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.errors import ConfigError, DataError
from engine.problems import load_problems
from engine.problems.markdown import MAX_BYTES, MarkdownProblem, parse_markdown_problem

STDIN = "-"
_JSON = (".json", ".jsonl")
_RANGE = re.compile(r"^(\d+)(?:-(\d+))?$")


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """A problem and its origin as the user typed it."""

    origin: str
    read: MarkdownProblem


def read_problems(sources: Sequence[str], index: str | None, time_limit: float | None) -> list[ReadProblem]:
    """Read every problem of every source, in order. Hidden tests of a CURE file are dropped: they would be the answer.

    Raises ConfigError for an invalid index, DataError for a source that holds no problem.
    """
    if not sources:
        raise ConfigError("no problem to solve", "give a Markdown file, or - for standard input")
    if index is not None and not any(source.endswith(_JSON) for source in sources):
        raise ConfigError("--index needs a CURE .json or .jsonl file", "give one, or leave out --index")
    found: list[ReadProblem] = []
    for source in sources:
        if source.endswith(_JSON):
            found += _from_cure(source, index)
        else:
            text = _text(source)
            name = "standard input" if source == STDIN else source
            found.append(ReadProblem(name, parse_markdown_problem(text, name)))
    if time_limit is None:
        return found
    return [_with_time_limit(problem, time_limit) for problem in found]


def _from_cure(source: str, index: str | None) -> list[ReadProblem]:
    problems = load_problems(source)
    if index is None:
        if len(problems) > 1:
            raise ConfigError(
                f"{source} holds {len(problems)} problems", f"choose with --index 0 or --index 0-{len(problems) - 1}"
            )
        index = "0"
    found = _RANGE.match(index)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not first <= last < len(problems):
        raise ConfigError(
            f"--index {index}: {source} has problems 0 to {len(problems) - 1}", "give a number or a range such as 0-9"
        )
    return [
        ReadProblem(
            f"{source}[{place}]",
            MarkdownProblem(
                replace(problems[place], hidden=(), solutions=()), " ".join(problems[place].statement.split()), False
            ),
        )
        for place in range(first, last + 1)
    ]


def _text(source: str) -> str:
    """Read one problem as text; a file that is too large is refused unread. Raises DataError."""
    try:
        if source == STDIN:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            size = Path(source).stat().st_size
            if size > MAX_BYTES:
                raise DataError(
                    f"{source} has {size / 1e6:.1f} MB; a problem may have {MAX_BYTES / 1e6:g}", "give one problem"
                )
            data = Path(source).read_bytes()
    except FileNotFoundError:
        raise DataError(f"{source} does not exist", "check the path") from None
    except OSError as error:
        raise DataError(f"{source} cannot be read: {error.strerror}", "give a readable file") from None
    if b"\0" in data:
        raise DataError(f"{source} is not a text file", "give a Markdown file")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{source} is not UTF-8 (byte {error.start})", "save it as UTF-8") from None


def _with_time_limit(problem: ReadProblem, seconds: float) -> ReadProblem:
    return replace(problem, read=replace(problem.read, problem=replace(problem.read.problem, time_limit=seconds)))
