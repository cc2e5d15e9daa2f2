"""Inputs that tell programs apart: asked of the tester, executed, and clusters of programs that print the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from engine.prompts.flow import INPUTS_FORM
from engine.prompts.forms import labelled_blocks
from engine.sandbox import Status
from engine.sandbox.output_groups import OutputGroups
from engine.solve.strategies.asking import ask_formed
from engine.solve.strategies.parts import Question
from engine.solve.strategies.session import Session
from engine.solve.writers import Answer


def ask_inputs(session: Session, questions: Sequence[Question], most: int) -> dict[str, list[str]]:
    """Ask for inputs, and return `most` of each question at most, by its id."""

    def read(question: Question, answer: Answer) -> list[str] | None:
        return labelled_blocks(answer.text, "input", in_thought=session.is_in_thought(answer))[:most] or None

    return {name: inputs for (name, _), inputs in ask_formed(session, questions, INPUTS_FORM, read).items()}


def execute_on(session: Session, rows: Sequence[int], inputs: Sequence[str]) -> None:
    """Run programs of the board on inputs where they have not run yet, and wait for the outcomes."""
    for row in rows:
        session.execute(row, [stdin for stdin in inputs if session.board.outcome(row, stdin) is None])
    session.settle()


def clusters_of(session: Session, rows: Sequence[int], inputs: Sequence[str]) -> list[list[int]]:
    """Return the rows that print the same on all inputs, largest cluster first; one that only fails is in none."""
    board = session.board
    groups = [OutputGroups(board.judging.comparison) for _ in inputs]
    clusters: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)
    for row in rows:
        outcomes = [board.outcome(row, stdin) for stdin in inputs]
        key = tuple(
            group.group(outcome.stdout) if outcome is not None and outcome.status is Status.OK else 0
            for group, outcome in zip(groups, outcomes, strict=True)
        )
        if any(key) or not inputs:
            clusters[key].append(row)
    return sorted(clusters.values(), key=len, reverse=True)  # stable: equal ones stay in order of samples
