"""Reader of problems: statements in Markdown or HTML, standard input, CURE JSON."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.errors import ConfigError, DataError
from engine.problems import load_problems
from engine.problems.statement import Statement, read_statements
from engine.problems.statement.decoding import MAX_BYTES, decode

STDIN = "-"
_CLOSED = DataError("standard input is closed", "give a file, or pipe a statement in")
_JSON = (".json", ".jsonl")
_RANGE = re.compile(r"^(\d+)(?:-(\d+))?$")


@dataclass(frozen=True, slots=True)
class ReadProblem:
    """A problem, its origin as the user typed it, and the number of problems there. is_chosen: --index names it."""

    origin: str
    read: Statement
    source: str = ""
    siblings: int = 1
    is_chosen: bool = False


def read_problems(
    sources: Sequence[str], index: str | None, time_limit: float | None, comparison: str | None = None
) -> list[ReadProblem]:
    """Read the problems of every source, in order. Hidden tests of a CURE file are dropped: they would be the answer.

    time_limit, in seconds, and comparison replace those of the problems, unless they are None.

    Raises ConfigError for an invalid index, and without one for a source with several problems; DataError for a source
    that holds no problem.
    """
    if not sources:
        raise ConfigError("no problem to solve", "give a Markdown file, or - for standard input")
    found = [problem for source in sources for problem in read_source(source, index)]
    several = next((problem for problem in found if problem.siblings > 1), None)
    if several is not None and index is None:
        titles = [f"{at} {each.read.title}" for at, each in enumerate(found) if each.source == several.source]
        named = f": {', '.join(titles)}"[:200] if all(titles) and len(titles) < 10 else ""
        raise _is_ambiguous(several.source, several.siblings, named)
    return [overridden(problem, time_limit, comparison) for problem in found]


def read_source(source: str, index: str | None) -> list[ReadProblem]:
    """Read the problems of one source, those that `index` names, or all. Raises ConfigError, DataError."""
    if source.endswith(_JSON):
        statements = [
            Statement(
                replace(problem, hidden=(), solutions=()),
                " ".join(problem.statement.split()),
                title=problem.id,
                kind="stdin",
                raw=problem.public,
                converted=(False,) * len(problem.public),
                time_limit=problem.time_limit,
            )
            for problem in load_problems(source)
        ]
        if index is None and len(statements) > 1:
            raise _is_ambiguous(source, len(statements))
    else:
        name = "standard input" if source == STDIN else source
        statements = read_statements(decode(_bytes(source, name), name), name)
    count = len(statements)
    name = "standard input" if source == STDIN else source
    places = range(count) if index is None else _places(source, index, count)
    many = count > 1 or source.endswith(_JSON)
    return [
        ReadProblem(f"{name}[{at}]" if many else name, statements[at], name, count, index is not None) for at in places
    ]


def _is_ambiguous(source: str, count: int, named: str = "") -> ConfigError:
    return ConfigError(f"{source} holds {count} problems{named}", f"choose with --index 0 or --index 0-{count - 1}")


def _places(source: str, index: str, count: int) -> range:
    found = _RANGE.match(index)
    first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
    if not first <= last < count:
        has = f"has problems 0 to {count - 1}" if count > 1 else "has one problem, 0"
        raise ConfigError(f"--index {index}: {source} {has}", "give a number or a range such as 0-9")
    return range(first, last + 1)


def overridden(problem: ReadProblem, time_limit: float | None, comparison: str | None) -> ReadProblem:
    """Replace the time limit, in seconds, and the comparison, unless they are None."""
    read = problem.read
    task = replace(
        read.problem,
        time_limit=time_limit or read.problem.time_limit,
        compare=str(comparison) if comparison else read.problem.compare,
    )
    return replace(problem, read=replace(read, problem=task, time_limit=time_limit or read.time_limit))


def _bytes(source: str, name: str) -> bytes:
    """Read a file or standard input, up to the largest size. Raises DataError."""
    try:
        if source == STDIN:
            if sys.stdin is None:
                raise _CLOSED
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            # A FIFO without a writer is empty; one of the shell, `<(command)`, has a writer, which is waited for.
            with open(source, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NONBLOCK)) as file:
                os.set_blocking(file.fileno(), True)
                data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise DataError(f"{source} does not exist", "check the path") from None
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL, a stream that was closed
        if source == STDIN and getattr(error, "errno", errno.EBADF) == errno.EBADF:
            raise _CLOSED from None
        what = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{name} cannot be read: {what}", "give a readable file") from None
    if len(data) > MAX_BYTES:
        raise DataError(f"{name} is larger than {MAX_BYTES / 1e6:g} MB", "save the problem's text alone")
    return data
