"""Vote on the outputs of tests: the tester predicts each output several times, and only an agreed one is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.prompts.dialogue import output_messages, parse_output
from engine.sandbox import outputs_match
from engine.sandbox.output_groups import OutputVote
from engine.solve.strategies.board import TestCase, TestStatus
from engine.solve.strategies.parts import Part
from engine.solve.strategies.session import Session


def vote_on_outputs(
    session: Session, inputs: Sequence[str], votes: int, majority: int, name: str = "vote"
) -> dict[str, str]:
    """Return the agreed output of each input that has one: at least `majority` of `votes`, and more than any other.

    name: of the questions, unique within the session.
    """
    ballots = [OutputVote(session.board.judging.comparison) for _ in inputs]
    questions = [
        session.question(Part.TESTER, f"{name}-{place}", output_messages(session.bench.problem, stdin), votes)
        for place, stdin in enumerate(inputs)
    ]
    if not questions:
        return {}
    places = {question.ask.id: place for place, question in enumerate(questions)}
    said: dict[tuple[int, int], str] = {}
    with session.ask(*questions) as batch:
        for answer in batch:
            output = parse_output(answer.text, in_thought=session.is_in_thought(answer))
            if output is not None:
                said[places[answer.ask_id], answer.index] = output
    for place, index in sorted(said):  # in this order a tolerance groups the same outputs, whichever arrives first
        ballots[place].add(said[place, index])
    winners = [ballot.winner(majority) for ballot in ballots]
    for stdin, ballot, winner in zip(inputs, ballots, winners, strict=True):
        session.bench.observer.on_vote(stdin, ballot.most, votes, is_agreed=winner is not None)
    return {stdin: winner for stdin, winner in zip(inputs, winners, strict=True) if winner is not None}


def sorted_by_vote(
    tests: Sequence[TestCase], agreed: dict[str, str], voted: set[str], comparison: str
) -> tuple[list[TestCase], list[TestCase]]:
    """Return the confirmed tests, one for each input, and the others with what became of them."""
    confirmed: dict[str, TestCase] = {}
    retired: list[TestCase] = []
    for test in tests:
        output = agreed.get(test.input)
        if output is None:
            status = TestStatus.REFUSED if test.input in voted else TestStatus.UNVOTED
            retired.append(replace(test, status=status))
            continue
        if test.input not in confirmed:
            confirmed[test.input] = replace(test, output=output, status=TestStatus.CONFIRMED)
        if not outputs_match(output, test.output, comparison):
            retired.append(replace(test, status=TestStatus.REPLACED))
    return list(confirmed.values()), retired
