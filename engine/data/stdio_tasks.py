"""Tasks on standard input and output, from the parts that all published sets have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from engine.data.ambiguous import comparison_of, several_answers, unsolvable
from engine.data.converted import MOST_REFERENCES, Kept, Options, Unusable
from engine.data.selection import select
from engine.problems import Problem


def stdio_task(
    problem: Problem,
    public: Iterable[tuple[object, object]],
    hidden: Iterable[tuple[object, object]],
    options: Options,
    notes: Sequence[str] = (),
) -> Kept:
    """Complete a task with its tests. Raises Unusable for one that has none or that no program can be judged on."""
    refuse_unjudgeable(problem.statement, options)
    tests = select(public, hidden, options)
    ambiguous = several_answers(problem.statement)
    told = (f'it may accept several answers: "{ambiguous}"',) if ambiguous else ()
    task = replace(
        problem,
        public=tests.public,
        hidden=tests.hidden,
        solutions=tuple(dict.fromkeys(problem.solutions))[:MOST_REFERENCES],
        compare=problem.compare or comparison_of(problem.statement),
    )
    return Kept(task, notes=(*notes, *told, *tests.notes))


def refuse_unjudgeable(statement: str, options: Options) -> None:
    """Raise Unusable for an interactive task, and for one with several answers unless the options keep it."""
    if reason := unsolvable(statement):
        raise Unusable(reason)
    if not options.keep_ambiguous and (words := several_answers(statement)):
        raise Unusable(f'it accepts several answers: "{words}"')
