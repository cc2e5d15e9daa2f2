"""`cure-tui solve --check`: a problem as it was read, before any answer is sampled."""

from __future__ import annotations

from cure_tui.solving.reading import ReadProblem

_SHOWN_LINES = 12


def understood(problem: ReadProblem) -> str:
    """Return title, time limit, examples and the beginning of the statement as text."""
    read = problem.read
    lines = [
        f"{problem.origin}: {read.problem.id}",
        f"time limit   {read.problem.time_limit:g} s per test",
        f"examples     {len(read.problem.public) or 'none: generated tests alone decide'}",
    ]
    if read.converted:
        lines.append("             function calls, converted to lines of standard input")
    for number, example in enumerate(read.problem.public, 1):
        lines += [f"  {number} input", _indented(example.input), f"  {number} output", _indented(example.output)]
    words = len(read.problem.statement.split())
    lines += [f"statement    {words} words", _indented(read.prose[:400] + (" ..." if len(read.prose) > 400 else ""))]
    return "\n".join(lines)


def libraries() -> str:
    """Name the installed libraries that the programs may import."""
    from engine.sandbox import found_libraries

    return f"programs may import: {', '.join(map(str, found_libraries())) or 'the standard library alone'}"


def _indented(text: str) -> str:
    lines = text.rstrip("\n").split("\n")
    more = [f"... ({len(lines) - _SHOWN_LINES} more lines)"] if len(lines) > _SHOWN_LINES else []
    return "\n".join(f"      {line}" for line in [*lines[:_SHOWN_LINES], *more])
