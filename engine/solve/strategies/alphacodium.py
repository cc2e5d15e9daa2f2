"""AlphaCodium (Ridnik et al., arXiv 2401.08500): one program is developed, not sampled and chosen.

1. plan: the tester reflects on problem and examples, the coder names plans, the judge chooses one and works it out, the
   tester writes tests, whose outputs are put to the vote (`validate=vote`).
2. code: up to 1 + `code_attempts` programs until one passes all examples; the first two follow the chosen plan, later
   ones all plans in turn. Otherwise the nearest one goes on: by the sum of differences where all lines are numbers, by
   the number of unequal lines elsewhere.
3. examples: one by one; a repair is an analysis and then a program. One that breaks an anchor, an example that is
   passed already, is taken back.
4. tests: each generated test, and every example before and after them. A repair is accepted if it passes the test and
   every anchor; the test is an anchor then. Repairs are limited, but for those of examples.

The last program is the answer, unless `--select` lets a selector choose among all that were written. Without examples,
tests that the vote has confirmed stand for them while code is written. The number of programs sampled (n) is not used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import ClassVar

from engine.prompts import Program, UnitTest
from engine.prompts.dialogue import repair_messages
from engine.prompts.flow import (
    PLAN_FORM,
    PLANS_FORM,
    TESTS_FORM,
    analysis_messages,
    choice_of_plan_messages,
    code_messages,
    plans_messages,
    reflection_messages,
    tests_again_messages,
    tests_messages,
    with_plan,
)
from engine.prompts.forms import behind_thought, labelled_blocks, numbered_tests
from engine.sandbox import Outcome, Status
from engine.solve.options import option
from engine.solve.strategies.asking import ask_formed, ask_programs
from engine.solve.strategies.board import TestCase, TestStatus
from engine.solve.strategies.conversation import happened
from engine.solve.strategies.parts import Need, Part, Question
from engine.solve.strategies.session import Session
from engine.solve.strategies.voting import sorted_by_vote, vote_on_outputs
from engine.solve.writers import Answer, Message

_COLD, _WARM = 0.2, 0.3
_SHARE_OF_PLAN = 0.6
_VOTES, _MAJORITY = 8, 5
_REPAIRS_OF_AN_EXAMPLE = 3


@dataclass(slots=True)
class _Flow:
    """State of the development. base: row of the current program; anchors: tests that it must go on passing."""

    notes: str = ""
    plans: list[str] = field(default_factory=list)
    plan: str = ""
    base: int | None = None
    anchors: list[TestCase] = field(default_factory=list)
    repairs: int = 0


@dataclass(frozen=True)
class AlphaCodium:
    """Strategy of one program that is planned, written and repaired test by test."""

    name: ClassVar[str] = "alphacodium"
    summary: ClassVar[str] = "plans one program, then repairs it test by test, and never gives up what it passes"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER, Part.JUDGE)
    needs: ClassVar[tuple[Need, ...]] = (Need.CONVERSATION,)

    solutions: int = option(3, "plans", least=0, most=10)
    tests: int = option(6, "generated tests, -m at most", least=0, most=50)
    code_attempts: int = option(8, "further programs until one passes all examples", least=0, most=50)
    example_repairs: int = option(4, "repairs for the examples at most", least=0, most=50)
    test_repairs: int = option(4, "repairs for the tests at most", least=0, most=50)
    validate: str = option("vote", "check of the tests: vote, once or off", choices=("vote", "once", "off"))

    def run(self, session: Session) -> None:
        flow = _Flow()
        count = session.asked_for = min(self.tests, session.bench.m)
        try:
            with session.stage("plan", _SHARE_OF_PLAN):
                self._plan(session, flow, count)
            with session.stage("code"):
                self._write(session, flow)
            with session.stage("examples"):
                self._repair_examples(session, flow)
            with session.stage("tests"):
                self._repair_tests(session, flow)
        finally:
            if session.bench.selector is None:  # else that one chooses among all programs
                session.chosen = flow.base
            of_tests = sum(not anchor.is_public for anchor in flow.anchors)
            session.remarks.append(
                f"{len(flow.anchors) - of_tests} of {len(session.board.public)} examples and {of_tests} of "
                f"{len(session.board.tests)} tests are anchors"
            )

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        count = min(self.tests, m)
        plan = 1 + (2 if self.solutions else 0) + (1 if count else 0)
        checks = {"vote": _VOTES * count, "once": min(count, 1), "off": 0}[self.validate]
        repairs = 2 * self.example_repairs + self.test_repairs
        return plan + checks + 1, plan + checks + 1 + self.code_attempts + repairs

    # Plan ---------------------------------------------------------------------------------------------------

    def _plan(self, session: Session, flow: _Flow, count: int) -> None:
        problem = session.bench.problem
        flow.notes = _say(session, Part.TESTER, "reflect", reflection_messages(problem))
        if self.solutions:
            flow.plans = _blocks(
                session, Part.CODER, "plans", plans_messages(problem, flow.notes, self.solutions), "plan", PLANS_FORM
            )
            flow.plans = [plan for plan in flow.plans if not _is_brute_force(plan)][: self.solutions]
            flow.plan = next(iter(flow.plans), "")
        if flow.plans:
            messages = choice_of_plan_messages(problem, flow.notes, flow.plans)
            chosen = _blocks(session, Part.JUDGE, "choose", messages, "plan", PLAN_FORM)
            flow.plan = chosen[-1] if chosen else flow.plan
        if count:
            self._make_tests(session, flow, count)

    def _make_tests(self, session: Session, flow: _Flow, count: int) -> None:
        messages = tests_messages(session.bench.problem, flow.notes, count)
        made, answer = _tests(session, "tests", messages)
        if made and self.validate == "once":
            again, _ = _tests(session, "tests-again", (*messages, *tests_again_messages(answer)))
            made = again or made
        known = {test.input for test in session.board.public}
        for test in [test for test in made if test.input not in known][:count]:
            session.place_test(test)
        if self.validate == "vote" and session.board.tests:
            board = session.board
            inputs = [test.input for test in board.tests]
            agreed = vote_on_outputs(session, inputs, _VOTES, _MAJORITY)
            if agreed or not session.ended:
                session.change_tests(*sorted_by_vote(board.tests, agreed, set(inputs), board.judging.comparison))

    # Code ---------------------------------------------------------------------------------------------------

    def _write(self, session: Session, flow: _Flow) -> None:
        board = session.board
        wanted = board.public or tuple(test for test in board.tests if test.status is TestStatus.CONFIRMED)
        first = session.first_question(Part.CODER, 1).ask.messages
        nearest = math.inf
        for attempt in range(1 + self.code_attempts):
            others = flow.plans or [flow.plan]
            plan = flow.plan if attempt < 2 else others[(attempt - 2) % len(others)]
            messages = with_plan(first, plan, flow.notes) if plan else first
            row = _program(session, f"code-{attempt}", messages)
            if row is None:
                continue
            distance = sum(distance_of(board.outcome(row, test.input), test.output) for test in wanted)
            if flow.base is None or distance < nearest:
                flow.base, nearest = row, distance
            if all(board.verdict(row, test) is True for test in wanted):
                flow.base = row
                break
        if flow.base is not None and not board.public:
            flow.anchors = [test for test in wanted if board.verdict(flow.base, test) is True]

    # Repairs ------------------------------------------------------------------------------------------------

    def _repair_examples(self, session: Session, flow: _Flow) -> None:
        examples = session.board.public
        most, left = _REPAIRS_OF_AN_EXAMPLE + (len(examples) == 1), self.example_repairs
        for number, example in enumerate(examples):
            base = flow.base
            for attempt in range(most):
                if base is None or session.board.verdict(base, example) is not False or not left:
                    break
                left -= 1
                row = self._analysed(session, f"example-{number}-{attempt}", base, example)
                if row is None:
                    continue
                base = row if _holds(session, row, flow.anchors) else flow.base
                if base is not None and session.board.verdict(base, example) is True:
                    break
            flow.base = base
            _note_anchor(session, flow, example)

    def _analysed(self, session: Session, name: str, base: int, example: TestCase) -> int | None:
        """Ask what is wrong, and then for the program; return its row."""
        program, outcome = session.board.programs[base], session.board.outcome(base, example.input)
        assert isinstance(program, Program)
        outcome = outcome or Outcome(Status.OK)
        first = session.first_question(Part.CODER, 1).ask.messages
        asked = (
            *first,
            *analysis_messages(program.source, example.input, example.output, happened(outcome), outcome.stdout),
        )
        analysis = _say(session, Part.CODER, f"{name}-analysis", asked, _WARM)
        if not analysis:
            return None
        return _program(session, name, (*asked, *code_messages(analysis)), (base, "it fails an example"))

    def _repair_tests(self, session: Session, flow: _Flow) -> None:
        board = session.board
        if not board.tests:
            return
        for number, test in enumerate((*reversed(board.public), *board.tests, *board.public)):
            if flow.base is None:
                return
            verdict = board.verdict(flow.base, test)
            if verdict is False and (test.is_public or flow.repairs < self.test_repairs):
                flow.repairs += 1
                self._repair_test(session, flow, f"test-{number}", test)
            _note_anchor(session, flow, test)

    def _repair_test(self, session: Session, flow: _Flow, name: str, test: TestCase) -> None:
        """Ask for a repair; accept it if it passes the test, or crashes no more, and passes every anchor."""
        board = session.board
        assert flow.base is not None
        program, before = board.programs[flow.base], board.outcome(flow.base, test.input) or Outcome(Status.OK)
        assert isinstance(program, Program)
        first = session.first_question(Part.CODER, 1).ask.messages
        messages = repair_messages((), program.source, test.input, test.output, happened(before), before.stdout)
        row = _program(session, name, (*first, *messages), (flow.base, "it fails a test"), _COLD)
        if row is None:
            return
        after = board.outcome(row, test.input)
        runs_again = before.status is not Status.OK and after is not None and after.status is Status.OK
        if (board.verdict(row, test) is True or runs_again) and _holds(session, row, flow.anchors):
            flow.base = row


def _note_anchor(session: Session, flow: _Flow, test: TestCase) -> None:
    """Make a test that the program passes an anchor."""
    is_new = all((anchor.input, anchor.output) != (test.input, test.output) for anchor in flow.anchors)
    if is_new and flow.base is not None and session.board.verdict(flow.base, test) is True:
        flow.anchors.append(test)


def _holds(session: Session, row: int, anchors: Sequence[TestCase]) -> bool:
    return all(session.board.verdict(row, anchor) is True for anchor in anchors)


def distance_of(outcome: Outcome | None, expected: str) -> float:
    """Return how far an output is from the expected one; infinite for none.

    It is the sum of the differences where all lines are numbers, else the number of unequal lines.
    """
    if outcome is None or outcome.status is not Status.OK or not outcome.stdout.strip():
        return math.inf
    got, wanted = outcome.stdout.split("\n"), expected.split("\n")
    got, wanted = ([line.strip() for line in lines if line.strip()] for lines in (got, wanted))
    try:
        numbers = [(float(one), float(other)) for one, other in zip(got, wanted, strict=True)]
    except ValueError:  # not all are numbers, or there are not as many
        return float(sum(one != other for one, other in zip_longest(got, wanted)))
    distance = sum(abs(one - other) for one, other in numbers)
    return distance if math.isfinite(distance) else math.inf


def _is_brute_force(plan: str) -> bool:
    """Tell whether a plan is called brute force, in its first line."""
    return "brute force" in plan.strip().partition("\n")[0].lower().replace("-", " ")


# Questions ------------------------------------------------------------------------------------------------------


def _say(
    session: Session, part: Part, name: str, messages: Sequence[Message], temperature: float = _COLD
) -> str:  # fmt: skip
    """Ask for free text; return it without its thought."""
    said = ""
    with session.ask(session.question(part, name, messages, temperature=temperature)) as batch:
        for answer in batch:
            said = behind_thought(answer.text, in_thought=session.is_in_thought(answer)).strip()
    return said


def _blocks(
    session: Session, part: Part, name: str, messages: Sequence[Message], label: str, form: str
) -> list[str]:  # fmt: skip
    temperature = _WARM if part is Part.CODER else _COLD

    def read(question: Question, answer: Answer) -> list[str] | None:
        found = labelled_blocks(answer.text, label, in_thought=session.is_in_thought(answer))
        return [block for block in found if block.strip()] or None

    question = session.question(part, name, messages, temperature=temperature)
    return next(iter(ask_formed(session, [question], form, read).values()), [])


def _tests(session: Session, name: str, messages: Sequence[Message]) -> tuple[list[UnitTest], str]:
    """Ask for tests; return them and the answer that holds them."""

    def read(question: Question, answer: Answer) -> tuple[list[UnitTest], str] | None:
        found = numbered_tests(answer.text, in_thought=session.is_in_thought(answer))
        return (found, answer.text) if found else None

    question = session.question(Part.TESTER, name, messages, temperature=_COLD)
    return next(iter(ask_formed(session, [question], TESTS_FORM, read).values()), ([], ""))


def _program(
    session: Session,
    name: str,
    messages: Sequence[Message],
    origin: tuple[int, str] | None = None,
    temperature: float = _WARM,
) -> int | None:
    """Ask for a program; return its row."""
    question = session.question(Part.CODER, name, messages, temperature=temperature)
    return ask_programs(session, [question], {name: origin} if origin else None).get(name)
