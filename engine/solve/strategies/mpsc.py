"""MPSC (Huang et al., ACL 2024, arXiv 2309.17272): programs, tests and specifications judge each other.

All are sampled at once. Programs run on the tests; every specification checks what the programs print on the tests'
inputs, and the tests' own outputs. The selector `mpsc` spreads confidence over the graph of all three. The published
method samples further inputs for the specifications; here those of the tests serve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from engine.prompts import Program
from engine.prompts.specifications import (
    SPECIFICATION_FORM,
    checking_program,
    is_specification,
    pairs_text,
    parse_bits,
    specification_messages,
)
from engine.reward.pass_matrix import FloatArray
from engine.sandbox import Status
from engine.solve.fates import program_of
from engine.solve.options import option
from engine.solve.strategies.asking import ask_formed
from engine.solve.strategies.parts import Need, Part, Question
from engine.solve.strategies.session import Session
from engine.solve.writers import Answer

_SPECIFICATION = "specification"
_MOST_SECONDS = 30.0
"""CPU time in which a specification checks all its pairs."""


@dataclass(frozen=True)
class MPSC:
    """Strategy of three perspectives."""

    name: ClassVar[str] = "mpsc"
    summary: ClassVar[str] = "lets programs, tests and executable specifications judge each other"
    selector: ClassVar[str] = "mpsc"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER, Part.SPECIFIER)
    needs: ClassVar[tuple[Need, ...]] = (Need.CONVERSATION,)

    specs: int = option(8, "specifications", most=64)

    def run(self, session: Session) -> None:
        bench = session.bench
        questions = [session.first_question(Part.CODER, bench.n)]
        questions += [session.first_question(Part.TESTER, bench.m)] if bench.m else []
        if self.specs:
            messages = specification_messages(bench.problem)
            questions.append(session.question(Part.SPECIFIER, _SPECIFICATION, messages, self.specs))

        def read(question: Question, answer: Answer) -> str | None:
            if question.part is Part.SPECIFIER:
                found = program_of(answer, in_thought=session.is_in_thought(answer))
                return found.source if isinstance(found, Program) and is_specification(found.source) else None
            if question.part is Part.CODER:
                session.add_program(answer, sample=answer.index)
            else:
                session.add_test(answer)
            return ""  # a malformed one is a sample like the others, and is not asked for again

        with session.stage("sample"):
            found = ask_formed(session, questions, SPECIFICATION_FORM, read)
        session.settle()
        _check(session, [source for (name, _), source in found.items() if name == _SPECIFICATION], self.specs)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return n + m + self.specs, n + m + 2 * self.specs


def _check(session: Session, sources: list[str], asked: int) -> None:
    """Run the specifications on all pairs and put their edges onto the board."""
    board = session.board
    inputs = list(dict.fromkeys(test.input for test in board.tests))
    printed = {
        (row, stdin): outcome.stdout
        for row in range(len(board.programs))
        for stdin in inputs
        if (outcome := board.outcome(row, stdin)) is not None and outcome.status is Status.OK
    }
    pairs = list(
        dict.fromkeys(
            [*((stdin, output) for (_, stdin), output in printed.items()), *((t.input, t.output) for t in board.tests)]
        )
    )
    if not pairs or not asked:
        return
    limit = min(_MOST_SECONDS, session.bench.problem.time_limit * len(pairs))
    outcomes = session.run_aside([(checking_program(source), pairs_text(pairs)) for source in sources], limit)
    accepted: list[dict[tuple[str, str], bool]] = []
    running: list[str] = []
    for source, outcome in zip(sources, outcomes, strict=True):
        bits = parse_bits(outcome.stdout, len(pairs)) if outcome is not None and outcome.status is Status.OK else None
        if bits is not None:
            accepted.append(dict(zip(pairs, bits, strict=True)))
            running.append(source)
    program_spec: FloatArray = np.zeros((len(board.programs), len(accepted)))
    for (row, stdin), output in printed.items():
        program_spec[row] += [each[stdin, output] for each in accepted]
    tests = [[float(each[test.input, test.output]) for test in board.tests] for each in accepted]
    spec_test: FloatArray = np.array(tests).reshape(len(accepted), len(board.tests))
    board.set_specifications(program_spec / len(inputs), spec_test, tuple(running))
    mute = sum(len(set(each.values())) < 2 for each in accepted)
    rejecting = sum(not all(each[stdin, output] for (_, stdin), output in printed.items()) for each in accepted)
    session.remarks.append(
        f"{len(accepted)} of {asked} specifications run, {mute} of them accept everything or nothing, "
        f"{rejecting} reject an output of a program"
    )
