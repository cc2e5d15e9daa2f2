"""Iterative debugging (UTDebug, arXiv 2502.01619): up to three times, repair the best program by a test it fails.

Generated tests are often wrong, and repairing a program for a wrong test breaks it. So the tester first predicts each
output several times, and only outputs with a majority are used. A repair that passes fewer tests is discarded.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from engine.errors import ConfigError
from engine.prompts import Program, PromptStyle, Role
from engine.prompts.dialogue import output_messages, parse_output, repair_messages
from engine.sandbox import Outcome, Status
from engine.seeds import derive_seed
from engine.solve.strategies.agreement import OutputGroups
from engine.solve.strategies.bench import Bench
from engine.solve.strategies.board import TestCase
from engine.solve.strategies.evidence import Solution, conclude_by
from engine.solve.strategies.gathering import Gathering
from engine.solve.writers import Answer, Ask, first_ask

ROUNDS = 3
VOTES = 8
MAJORITY = 4
VOTED_INPUTS = 8
"""Inputs whose outputs are put to the vote: more would cost more than they are worth."""

_HAPPENED = {
    Status.OK: "it printed something else",
    Status.RUNTIME_ERROR: "it ended with an error",
    Status.TIME_LIMIT: "it ran out of time",
    Status.MEMORY_LIMIT: "it ran out of memory",
    Status.OUTPUT_LIMIT: "it printed far too much",
    Status.CRASH: "it crashed",
    Status.COMPILE_ERROR: "it is not valid Python",
}


class Debug:
    """Strategy of voting and repair. Needs chat models: prompts of the short style are single questions."""

    name = "debug"
    summary = "repairs the best program against tests whose outputs were put to the vote"

    def solve(self, bench: Bench) -> Solution:
        for writer in (bench.coder, bench.tester):
            if writer.style is PromptStyle.SHORT:
                raise ConfigError(
                    f"{writer.name} answers single questions only, debugging is a conversation", "use bon"
                )
        gathering = Gathering(bench)
        gathering.sample(bench.n, bench.m)
        if not gathering.ended:
            _vote_on_outputs(bench, gathering)
        for attempt in range(ROUNDS):
            if gathering.ended or not _repair(bench, gathering, attempt):
                break
        return conclude_by(gathering.selector, self.name, gathering.board, gathering.ended, asked_for=bench.m)


def _vote_on_outputs(bench: Bench, gathering: Gathering) -> None:
    """Replace each test's output by one that at least MAJORITY of VOTES agree on; drop tests without such an output.

    A vote that was interrupted before any output had a majority leaves the tests as they are.
    """
    board = gathering.board
    inputs = list(dict.fromkeys(test.input for test in board.tests))[:VOTED_INPUTS]
    # The comparison decides what equals: a vote goes to the group, whose first output keeps its lines and blanks.
    groups = [OutputGroups(board.judging.comparison) for _ in inputs]
    votes: list[Counter[int]] = [Counter() for _ in inputs]

    def count(answer: Answer) -> None:
        output = parse_output(answer.text, in_thought=gathering.is_in_thought(answer))
        if output is not None:
            place = int(answer.ask_id)
            votes[place][groups[place].group(output)] += 1

    asks = [
        Ask(
            str(place),
            Role.TESTER,
            output_messages(bench.problem, stdin),
            VOTES,
            derive_seed(bench.seed, "vote", place),
        )
        for place, stdin in enumerate(inputs)
    ]
    gathering.ask([(bench.tester, ask) for ask in asks], count)
    settled: list[TestCase] = []
    for place, stdin in enumerate(inputs):
        if votes[place]:
            group, agreed = votes[place].most_common(1)[0]
            if agreed >= MAJORITY:
                output = groups[place].first[group - 1]
                settled.append(replace(next(test for test in board.tests if test.input == stdin), output=output))
    if settled or not gathering.ended:
        board.replace_tests(settled)


def _repair(bench: Bench, gathering: Gathering, attempt: int) -> bool:
    """Ask for one repaired program. Return False if there is nothing to repair."""
    board = gathering.board
    row = board.order()[0]
    program = board.programs[row]
    failed = next((test for test in (*board.public, *board.tests) if board.verdict(row, test) is False), None)
    if not isinstance(program, Program) or failed is None:
        return False
    outcome = board.outcome(row, failed.input) or Outcome(Status.OK)
    first = first_ask(bench.problem, bench.prose, Role.CODER, bench.coder, 1, bench.seed)
    messages = repair_messages(
        first.messages, program.source, failed.input, failed.output, _happened(outcome), outcome.stdout
    )
    ask = Ask(f"repair-{attempt}", Role.CODER, messages, 1, derive_seed(bench.seed, "repair", attempt))
    # The new program is one more row: if it passes fewer tests, the ranking keeps the old one first.
    gathering.ask([(bench.coder, ask)], gathering.take_program)
    return True


def _happened(outcome: Outcome) -> str:
    said = _HAPPENED.get(outcome.status, "it failed")
    last_line = outcome.stderr_tail.strip().rpartition("\n")[2]
    return f"{said} ({last_line})" if last_line else said
