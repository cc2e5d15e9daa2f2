"""CoSPlay (arXiv 2605.23491): programs and tests improve each other by how much of the other side they get along with.

1. ideas: the coder names plans, and the tester says of each how it could be implemented wrongly. Programs are sampled
   by the plans in equal parts; half of the tests are aimed at those mistakes.
2. rounds: a(i) is the number of tests that program i passes, b(k) that of programs that pass test k. The quarter of
   programs with least a is repaired by the failed test with the highest b, or replaced by a program of the plan with
   the best mean a. Tests with b = 0, and those of the lowest quarter, get a turn that shows what the programs with
   high a print; one that no program passes even then is replaced. What is in the top half is left alone.
3. choose: the highest a; of several, the largest group that prints the same on further inputs.

The paper's thresholds are not public: those here are our own. Examples are certain, so a program ranks by them before
a, and a failed one is shown before any test. A new program takes its place only if it passes no less. Models that
answer single questions (nano) have no ideas and no turns: programs and tests are only replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import mean
from typing import ClassVar, TypeVar

import numpy as np

from engine.prompts import Program, PromptStyle, UnitTest
from engine.prompts.dialogue import repair_messages
from engine.prompts.flow import PLANS_FORM, mistakes_messages, plans_messages, with_aim, with_plan
from engine.prompts.forms import behind_thought, labelled_blocks
from engine.prompts.telling_apart import inputs_messages
from engine.sandbox import Outcome, Status
from engine.solve.fates import unit_test_of
from engine.solve.options import option
from engine.solve.selectors import eligible_n
from engine.solve.strategies.asking import ask_formed, ask_programs
from engine.solve.strategies.board import TestCase, TestStatus
from engine.solve.strategies.conversation import happened
from engine.solve.strategies.parts import Need, Part, Question
from engine.solve.strategies.session import Session
from engine.solve.strategies.telling_apart import ask_inputs, clusters_of, execute_on
from engine.solve.strategies.threads import Thread, take_turn, turn_question
from engine.solve.writers import Answer, Message

_Rank = TypeVar("_Rank", int, tuple[int, int])
_SHARE_OF_IDEAS, _SHARE_OF_SAMPLES = 0.2, 0.6


@dataclass(slots=True)
class _Slot:
    """Place of a program: its row, and the number of its plan; -1 without plans."""

    row: int
    plan: int


@dataclass(slots=True)
class _Play:
    """State of the play. slots, threads: places of programs and of tests, by their sample index."""

    plans: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)
    slots: dict[int, _Slot] = field(default_factory=dict)
    threads: dict[int, Thread] = field(default_factory=dict)

    @property
    def tests(self) -> dict[int, TestCase]:
        return {place: each.test for place, each in sorted(self.threads.items()) if each.test is not None}

    @property
    def rows(self) -> list[int]:
        return [slot.row for _, slot in sorted(self.slots.items())]


@dataclass(frozen=True)
class CoPlay:
    """Strategy in which programs and tests improve each other."""

    name: ClassVar[str] = "coplay"
    summary: ClassVar[str] = "programs and tests improve each other: the weakest of both are repaired or replaced"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = ()

    plans: int = option(4, "plans for the programs", least=0, most=10)
    rounds: int = option(3, "rounds of repair at most", least=0, most=10)
    inputs: int = option(8, "further inputs that decide a tie", least=0, most=50)

    def run(self, session: Session) -> None:
        play = _Play()
        if self.plans and _converse(session):
            with session.stage("ideas", _SHARE_OF_IDEAS):
                self._have_ideas(session, play)
        with session.stage("sample", _SHARE_OF_SAMPLES):
            _sample(session, play)
        for number in range(1, self.rounds + 1):
            if not play.slots or _is_certain(session, play):
                break
            changed = 0
            with session.stage(f"round {number}"):
                programs, tests = _clean(session, play, number), _refresh(session, play, number)
                changed = programs + tests
                session.remarks.append(f"round {number}: {programs} programs and {tests} tests changed")
            if not changed:
                break
        if session.bench.selector is None:  # else that one chooses
            with session.stage("choose"):
                self._choose(session)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        sampled = n + m + (1 + self.plans if self.plans else 0)
        return sampled, sampled + self.rounds * (_quarter(n) + 2 * _quarter(m)) + 1

    def _have_ideas(self, session: Session, play: _Play) -> None:
        problem = session.bench.problem

        def read(question: Question, answer: Answer) -> list[str] | None:
            found = labelled_blocks(answer.text, "plan", in_thought=session.is_in_thought(answer))
            return [plan for plan in found if plan.strip()][: self.plans] or None

        asked = session.question(Part.CODER, "plans", plans_messages(problem, "", self.plans))
        play.plans = next(iter(ask_formed(session, [asked], PLANS_FORM, read).values()), [])
        questions = [
            session.question(Part.TESTER, f"mistakes-{number}", mistakes_messages(problem, plan))
            for number, plan in enumerate(play.plans)
        ]
        said: dict[str, str] = {}
        if questions:
            with session.ask(*questions) as batch:
                for answer in batch:
                    text = behind_thought(answer.text, in_thought=session.is_in_thought(answer)).strip()
                    said |= {answer.ask_id: text} if text else {}
        play.mistakes = [said[question.ask.id] for question in questions if question.ask.id in said]

    def _choose(self, session: Session) -> None:
        rows = _leading(session)
        session.chosen = rows[0] if rows else None
        sources = {getattr(session.board.programs[row], "source", "") for row in rows}
        if len(sources) < 2:
            return
        inputs = session.board.inputs()
        if self.inputs and _converse(session):
            asked = session.question(Part.TESTER, "inputs", inputs_messages(session.bench.problem, self.inputs))
            inputs = ask_inputs(session, [asked], self.inputs).get("inputs", []) or inputs
        execute_on(session, rows, inputs)
        clusters = clusters_of(session, rows, inputs)
        session.chosen = clusters[0][0] if clusters else rows[0]


def weakest(values: Sequence[_Rank], full: _Rank) -> list[int]:
    """Return the places of the quarter with the least values, least first and the later of equal ones first.

    None is in the top half. full: the value of what passes, or is passed by, everything; there is nothing to mend.
    """
    order = sorted(range(len(values)), key=lambda place: (values[place], -place))
    return [place for place in order[: min(_quarter(len(values)), len(values) // 2)] if values[place] != full]


def _quarter(count: int) -> int:
    return -(-count // 4)


def _converse(session: Session) -> bool:
    return all(session.writer(part).style is not PromptStyle.SHORT for part in (Part.CODER, Part.TESTER))


# Samples --------------------------------------------------------------------------------------------------------


def _messages(session: Session, play: _Play, part: Part, number: int) -> tuple[Message, ...]:
    """Return the part's first question with a plan, or a mistake to aim at; number: -1 for neither."""
    first = session.first_question(part, 1).ask.messages
    if number < 0:
        return first
    return with_plan(first, play.plans[number]) if part is Part.CODER else with_aim(first, play.mistakes[number])


def _aim(session: Session, play: _Play, place: int) -> int:
    """Return the mistake that the test at a place is aimed at; -1 for a plain one, the first half of all."""
    plain = session.bench.m - session.bench.m // 2
    return (place - plain) % len(play.mistakes) if play.mistakes and place >= plain else -1


def _sample(session: Session, play: _Play) -> None:
    """Sample programs by the plans in turn, and tests: half of them plain, half aimed at a mistake."""
    bench = session.bench
    plans = {place: place % len(play.plans) if play.plans else -1 for place in range(bench.n)}
    aims = {place: _aim(session, play, place) for place in range(bench.m)}
    questions: list[Question] = []
    places: dict[str, list[int]] = {}
    for part, of_place, name in ((Part.CODER, plans, "plan"), (Part.TESTER, aims, "aimed")):
        for number in sorted(set(of_place.values())):
            own = [place for place, own_number in of_place.items() if own_number == number]
            question = session.first_question(part, len(own))
            if number >= 0:
                messages = _messages(session, play, part, number)
                question = session.question(part, f"{name}-{number}", messages, len(own))
            questions.append(question)
            places[question.ask.id] = own
    with session.ask(*questions) as batch:
        for answer in batch:
            place = places[answer.ask_id][answer.index]
            if batch.part_of(answer) is Part.CODER:
                play.slots[place] = _Slot(session.add_program(answer, sample=place), plans[place])
            else:
                column = session.add_test(answer)
                test = None if column is None else session.board.tests[column]
                play.threads[place] = Thread(answer.text, test)
    session.settle()


# Rounds ---------------------------------------------------------------------------------------------------------


def _passed(session: Session, play: _Play, row: int) -> tuple[int, int]:
    """Return how many examples, and a: how many tests, a program passes."""
    board = session.board
    examples = sum(board.verdict(row, test) is True for test in board.public)
    return examples, sum(board.verdict(row, test) is True for test in play.tests.values())


def _passing(session: Session, play: _Play) -> dict[int, int]:
    """Return b: how many programs pass each test, by its place."""
    return {
        place: sum(session.board.verdict(row, test) is True for row in play.rows) for place, test in play.tests.items()
    }


def _is_certain(session: Session, play: _Play) -> bool:
    """Tell whether the leading programs pass every example and test, and print the same."""
    board, rows = session.board, play.rows
    best = max(_passed(session, play, row) for row in rows)
    leading = [row for row in rows if _passed(session, play, row) == best]
    clusters_n = board.clusters_n()
    return bool(play.tests) and best == (len(board.public), len(play.tests)) and len(set(clusters_n[leading])) == 1


def _clean(session: Session, play: _Play, number: int) -> int:
    """Repair or replace the weakest programs; return how many have changed."""
    board, places = session.board, sorted(play.slots)
    passed = {place: _passed(session, play, play.slots[place].row) for place in places}
    passing = _passing(session, play)
    strongest = sorted(passing.values(), reverse=True)[: -(-len(passing) // 2)]
    shown = {place for place, count in passing.items() if count and count >= strongest[-1]}
    best_plan = _best_plan(play, passed)
    questions: list[Question] = []
    origins: dict[str, tuple[int, str]] = {}
    targets: dict[str, tuple[int, int]] = {}
    full = len(board.public), len(play.tests)
    for place in (places[index] for index in weakest([passed[place] for place in places], full)):
        slot = play.slots[place]
        failed = _failed(session, play, slot.row, {each: passing[each] for each in shown})
        program = board.programs[slot.row]
        if isinstance(program, Program) and failed is not None and _converse(session):
            name, plan, why = f"repair-{number}-{place}", slot.plan, "it fails a test"
            outcome = board.outcome(slot.row, failed.input) or Outcome(Status.OK)
            messages = (
                *session.first_question(Part.CODER, 1).ask.messages,
                *repair_messages((), program.source, failed.input, failed.output, happened(outcome), outcome.stdout),
            )
        else:
            name, plan, why = f"fresh-{number}-{place}", best_plan, "it passes few tests"
            messages = _messages(session, play, Part.CODER, best_plan)
        questions.append(session.question(Part.CODER, name, messages))
        origins[name], targets[name] = (slot.row, why), (place, plan)
    changed = 0
    for name, row in ask_programs(session, questions, origins).items():
        place, plan = targets[name]
        if _passed(session, play, row) >= passed[place]:
            changed += board.programs[row] != board.programs[play.slots[place].row]
            play.slots[place] = _Slot(row, plan)
    return changed


def _failed(session: Session, play: _Play, row: int, passing: Mapping[int, int]) -> TestCase | None:
    """Return the first example that a program fails, or the failed test that most programs pass."""
    board = session.board
    example = next((test for test in board.public if board.verdict(row, test) is False), None)
    failed = [place for place in sorted(passing) if board.verdict(row, play.tests[place]) is False]
    best = max(failed, key=passing.__getitem__, default=None)
    return example or (None if best is None else play.tests[best])


def _best_plan(play: _Play, passed: Mapping[int, tuple[int, int]]) -> int:
    """Return the plan whose programs pass most tests on average; -1 without plans."""
    plans = sorted({slot.plan for slot in play.slots.values()})
    return max(
        plans, key=lambda plan: mean(passed[place][1] for place, slot in play.slots.items() if slot.plan == plan)
    )


def _refresh(session: Session, play: _Play, number: int) -> int:
    """Give the weakest tests a turn, and replace those that no program passes; return how many have changed."""
    before = play.tests
    passing = _passing(session, play)
    places = sorted(passing)
    weak = {place for place, count in passing.items() if not count}
    weak |= {places[index] for index in weakest([passing[place] for place in places], len(play.slots))}
    weak |= {place for place, thread in play.threads.items() if thread.test is None}
    if _converse(session):
        _take_turns(session, play, {f"turn-{number}-{place}": place for place in sorted(weak)})
    passing = _passing(session, play)
    useless = [place for place in sorted(weak) if not passing.get(place)]
    _replace(session, play, {f"new-{number}-{place}": place for place in useless})
    return sum(before.get(place) != test for place, test in play.tests.items())


def _take_turns(session: Session, play: _Play, named: Mapping[str, int]) -> None:
    rows = play.rows
    passed = {row: _passed(session, play, row) for row in rows}
    strong = sorted(rows, key=lambda row: passed[row], reverse=True)[: -(-len(rows) // 2)]
    questions = [
        turn_question(session, name, play.threads[place], rows=strong)
        for name, place in named.items()
        if not play.threads[place].is_over
    ]
    if not questions:
        return
    replaced: dict[int, TestCase] = {}
    with session.ask(*questions) as batch:
        for answer in batch:
            old = take_turn(session, play.threads[named[answer.ask_id]], answer)
            replaced |= {named[answer.ask_id]: old} if old is not None else {}
    _settle(session, play, replaced)


def _replace(session: Session, play: _Play, named: Mapping[str, int]) -> None:
    """Ask for a new test at each place; a malformed one leaves the old test."""
    questions = [
        session.question(Part.TESTER, name, _messages(session, play, Part.TESTER, _aim(session, play, place)))
        for name, place in named.items()
    ]
    if not questions:
        return
    replaced: dict[int, TestCase] = {}
    with session.ask(*questions) as batch:
        for answer in batch:
            found = unit_test_of(answer, in_thought=session.is_in_thought(answer))
            session.board.count_test(found)
            place = named[answer.ask_id]
            if isinstance(found, UnitTest):
                old = play.threads[place].test
                replaced |= {place: old} if old is not None else {}
                play.threads[place] = Thread(answer.text, TestCase(found.input, found.output, False, found.explanation))
    _settle(session, play, replaced)


def _settle(session: Session, play: _Play, replaced: Mapping[int, TestCase]) -> None:
    """Bring the tests onto the board; those that are replaced vote no longer."""
    retired = [replace(test, status=TestStatus.REPLACED) for _, test in sorted(replaced.items())]
    session.change_tests(list(play.tests.values()), retired)


def _leading(session: Session) -> list[int]:
    """Return the rows that pass the most tests among those that may be chosen, in order of their samples."""
    board = session.board
    if not board.programs:
        return []
    arrays = board.arrays()
    votes_n = arrays.matrix.votes_n
    rows = np.flatnonzero(eligible_n(arrays)).tolist()
    best = max((votes_n[row] for row in rows), default=0)
    return sorted((row for row in rows if votes_n[row] == best), key=board.samples.__getitem__)
