"""Sessions: stages, their answers and their costs; whatever ends them, the choice is made from what is there."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from engine.problems import IOExample
from engine.prompts import Role
from engine.solve.selectors import find_selector
from engine.solve.strategies import Budget, Need, Part, Quiet, Spent, Support, find_strategy, solve, strategy_names
from engine.solve.strategies.board import TestStatus
from engine.solve.strategies.session import Session
from engine.solve.writers import Account, Answer, Ask, Cost
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, TASK, UNTOLD, WRONG, Family
from tests.engine.solve.strategies.scripted import Reply, ScriptedWriter, answers, program, unit_test

TESTS = answers(unit_test("3", "6"), unit_test("5", "10"), unit_test("0", "0"), unit_test("9", "18"))


@dataclass(frozen=True)
class TwoStages:
    """Strategy for tests: samples twice, in two stages."""

    name: ClassVar[str] = "two"
    summary: ClassVar[str] = ""
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER)
    needs: ClassVar[tuple[Need, ...]] = ()
    share: float = 1.0

    def run(self, session: Session) -> None:
        with session.stage("first", self.share):
            question = session.first_question(Part.CODER, session.bench.n)
            with session.ask(question, enough=lambda: "enough" if session.board.programs else "") as batch:
                for answer in batch:
                    session.add_program(answer, sample=answer.index)
        with session.stage("second"):
            question = session.question(Part.CODER, "again", ({"role": "user", "content": "again"},), 2)
            with session.ask(question) as batch:
                for answer in batch:
                    session.add_program(answer, parent=0, why="again")
            session.sample(0, session.bench.m)

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        return n + m, n + m


class Stubborn(ScriptedWriter):
    """Writer that cannot be stopped: its first question's second answer comes while another one is under way."""

    def __init__(self) -> None:
        super().__init__(answers(program(RIGHT)))
        self.go_on = threading.Event()

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        if asks[0].id == "again":
            self.go_on.set()
            time.sleep(0.3)
            yield from super().write(asks)
            return
        yield Answer("coder", Role.CODER, 0, program(RIGHT), 5, 10)
        assert self.go_on.wait(100)
        yield Answer("coder", Role.CODER, 1, program(WRONG[0]), 5, 10)


def test_a_late_answer_of_one_stage_is_counted_and_never_reaches_the_next() -> None:
    bench = bench_of(Stubborn(), ScriptedWriter(TESTS), n=2)
    solution = solve(TwoStages(), bench)
    assert [candidate.source for candidate in solution.candidates] == [RIGHT] * 3
    assert [(candidate.parent, candidate.why) for candidate in solution.candidates] == [
        (None, ""), (0, "again"), (0, "again"),
    ]  # fmt: skip
    assert [(each.stage, each.part, each.cost.answers) for each in solution.trail] == [
        ("first", "coder", 2), ("second", "coder", 2), ("second", "tester", 4),
    ]  # fmt: skip
    assert bench.spent.cost.answers == 8


def test_the_trail_holds_every_cost_once() -> None:
    bench = bench_of(Family("mixed"), Family("mixed"))
    solution = solve(find_strategy("debug"), bench)
    assert sum((each.cost for each in solution.trail), Cost()) == bench.spent.cost
    assert {each.stage for each in solution.trail} <= {"sample", "vote", "repair"}


def test_a_stage_leaves_the_rest_of_the_budget_to_the_next() -> None:
    def spent_by(share: float) -> list[tuple[str, int]]:
        budget = Budget(tokens=600)
        account = Account(budget.tokens)
        bench = bench_of(
            ScriptedWriter(answers(program(RIGHT))), ScriptedWriter(TESTS),
            n=200, m=20, budget=budget, spent=Spent(account),
        )  # fmt: skip
        stages: dict[str, int] = {}
        solution = solve(Hungry(share), bench)
        for each in solution.trail:
            stages[each.stage] = stages.get(each.stage, 0) + each.cost.answers
        return list(stages.items())

    assert [name for name, _ in spent_by(1.0)] == ["programs"]
    (first, programs), (second, _) = spent_by(0.5)
    assert (first, second) == ("programs", "tests")
    assert programs == pytest.approx(20, abs=3)


@dataclass(frozen=True)
class Hungry(TwoStages):
    """Strategy for tests: its first stage asks one answer after the other."""

    def run(self, session: Session) -> None:
        with session.stage("programs", self.share):
            for number in range(session.bench.n):
                with session.ask(session.question(Part.CODER, f"one {number}", ())) as batch:
                    for answer in batch:
                        session.add_program(answer)
        with session.stage("tests"):
            session.sample(0, session.bench.m)


class Interrupting(Quiet):
    """Observer at whose call number `at` the user presses Ctrl-C."""

    def __init__(self, at: int) -> None:
        self.at, self.calls = at, 0

    def _count(self, *_: Any) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise KeyboardInterrupt

    on_completion = on_program = on_test = on_outcome = on_leader = on_stage = on_lineage = on_tests_settled = _count


@pytest.mark.parametrize("name", strategy_names())
def test_an_interrupt_at_any_event_ends_with_a_choice_from_what_is_there(name: str) -> None:
    whole = Interrupting(0)
    solve(find_strategy(name), bench_of(Family("mixed"), Family("mixed"), observer=whole, n=3, m=3))
    for at in range(1, whole.calls + 1, max(1, whole.calls // 40)):
        observer = Interrupting(at)  # how many calls of on_leader there are is a matter of timing
        bench = bench_of(Family("mixed"), Family("mixed"), observer=observer, n=3, m=3)
        solution = solve(find_strategy(name), bench)
        assert (solution.ended == "interrupted") == (observer.calls >= at)
        assert solution.chosen is None or solution.candidates[solution.chosen].source


class Counted(ScriptedWriter):
    """Writer with one answer under way: it begins the next one when all that were written are counted."""

    def __init__(self, family: Family, account: Account, written: list[int]) -> None:
        super().__init__(lambda ask, index: family.answer(ask.messages, ask.seed + index))
        self._account, self._all = account, written
        self._stopped = threading.Event()

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        self._stopped.clear()
        for answer in super().write(asks):
            self._all.append(1)
            yield answer
            while self._account.paid.answers < len(self._all) and not self._stopped.is_set():
                time.sleep(0.0005)
            if self._stopped.is_set():
                return

    def stop(self) -> None:
        self._stopped.set()


@pytest.mark.parametrize("name", strategy_names())
@pytest.mark.parametrize("character", ["right", "wrong", "sloppy", "malformed", "mixed"])
def test_any_budget_ends_with_a_valid_choice_and_passes_its_limit_by_what_was_under_way(
    name: str, character: str
) -> None:
    whole = bench_of(Family(character), Family(character), n=3, m=3)
    solve(find_strategy(name), whole)
    for limit in range(whole.spent.cost.answers + 2):
        budget, written = Budget(tokens=15 * limit), list[int]()  # 15 tokens an answer
        account = Account(budget.tokens)
        coder, tester = (Counted(Family(character), account, written) for _ in range(2))
        solution = solve(find_strategy(name), bench_of(coder, tester, budget=budget, spent=Spent(account), n=3, m=3))
        assert account.paid.answers == len(written) <= limit + 2
        assert solution.chosen is None or solution.candidates[solution.chosen].source
        assert (solution.chosen is None) == (solution.support is Support.NONE)
        assert (solution.ended == f"the budget of {15 * limit} tokens is spent") == (limit <= len(written))


@pytest.mark.parametrize("name", strategy_names())
@pytest.mark.parametrize("problem", [TASK, UNTOLD])
@pytest.mark.parametrize("m", [0, 3])
def test_every_strategy_concludes_without_examples_without_tests_and_without_answers(
    name: str, problem: Any, m: int
) -> None:
    good = solve(find_strategy(name), bench_of(Family("right"), Family("right"), problem=problem, m=m))
    assert good.program == RIGHT
    none = solve(find_strategy(name), bench_of(Family("malformed"), Family("right"), problem=problem, m=m))
    assert none.support is Support.NONE
    untested = solve(find_strategy(name), bench_of(Family("right"), Family("malformed"), problem=problem, m=m))
    assert untested.program == RIGHT


class Shuffled(ScriptedWriter):
    """Writer whose answers arrive in another order than that of their indices, and of their questions."""

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        yield from reversed(list(super().write(asks)))


@pytest.mark.parametrize("name", strategy_names())
@pytest.mark.parametrize("seed", range(6))
def test_the_same_seed_in_another_order_of_arrival_ends_with_the_same_program(name: str, seed: int) -> None:
    def shuffled(family: Family) -> Shuffled:
        return Shuffled(lambda ask, index: family.answer(ask.messages, ask.seed + index))

    mixed = Family("mixed")
    first = solve(find_strategy(name), bench_of(mixed, mixed, n=6, m=6, seed=seed))
    moved = bench_of(shuffled(mixed), shuffled(mixed), n=6, m=6, seed=seed)
    assert solve(find_strategy(name), moved).program == first.program


# Debugging ----------------------------------------------------------------------------------------------------


def debugging(coder: Reply, output: Reply, *, tests: Reply = TESTS, **options: Any) -> tuple[Any, list[Ask]]:
    asks: list[Ask] = []

    def tester(ask: Ask, index: int) -> str:
        return tests(ask, index) if ask.id == Role.TESTER else output(ask, index)

    def recorded(ask: Ask, index: int) -> str:
        asks.append(ask)
        return coder(ask, index)

    bench = bench_of(ScriptedWriter(recorded), ScriptedWriter(tester), **options)
    return solve(find_strategy(options.pop("strategy", "debug")), bench), asks


def test_tests_that_the_vote_refuses_are_not_repaired_against_and_support_nothing() -> None:
    solution, asks = debugging(answers(program(WRONG[0])), lambda ask, index: f"```\n{index}\n```", problem=UNTOLD)
    assert [ask for ask in asks if ask.id.startswith("repair")] == []
    assert (solution.tests, solution.support) == ((), Support.WEAK)
    assert [test.status for test in solution.retired] == [TestStatus.REFUSED] * 4


def test_a_vote_of_four_to_four_confirms_nothing() -> None:
    solution, _ = debugging(answers(program(RIGHT)), lambda ask, index: f"```\n{index % 2}\n```")
    assert solution.tests == ()


def test_inputs_beyond_those_put_to_the_vote_are_kept_as_evidence_and_do_not_choose() -> None:
    many = answers(*(unit_test(str(number), str(number * 2)) for number in range(12)))

    def right(ask: Ask, index: int) -> str:
        return Family("right").answer(ask.messages, index)

    solution, _ = debugging(answers(program(RIGHT)), right, tests=many, m=12)
    assert [test.status for test in solution.tests] == [TestStatus.CONFIRMED] * 8
    assert [(test.input, test.status) for test in solution.retired] == [
        (str(number), TestStatus.UNVOTED) for number in range(8, 12)
    ]


def test_an_equal_repair_begins_the_next_round_and_the_older_program_is_chosen() -> None:
    """Square is right on 2 and 0; +4 is right on 4; each fails the others: equal shares."""
    tests = answers(unit_test("2", "4"), unit_test("4", "8"), unit_test("5", "10"))
    square, plus = program("print(int(input()) ** 2)"), program("print(int(input()) + 4)")

    def coder(ask: Ask, index: int) -> str:
        return {"repair-0": plus, "repair-1": program("print('?')")}.get(ask.id, square)

    def right(ask: Ask, index: int) -> str:
        return Family("right").answer(ask.messages, index)

    solution, asks = debugging(coder, right, tests=tests, m=3, n=1, problem=UNTOLD)
    repairs = [ask for ask in asks if ask.id.startswith("repair")]
    assert [candidate.parent for candidate in solution.candidates] == [None, 0, 1, 1]
    assert solution.chosen == 0
    assert [len(ask.messages) for ask in repairs] == [3, 5, 7]
    assert "+ 4" in repairs[1].messages[-2]["content"]
    assert "passes fewer tests than the one before it" in repairs[2].messages[-1]["content"]


def test_a_coder_that_repeats_itself_is_not_asked_again() -> None:
    solution, asks = debugging(answers(program(WRONG[0])), lambda ask, index: Family("right").answer(ask.messages, 0))
    assert sum(ask.id.startswith("repair") for ask in asks) == 1
    assert solution.support is Support.WEAK


# The adaptive number of tests ---------------------------------------------------------------------------------


def test_auto_asks_few_tests_where_programs_agree_and_more_where_they_do_not() -> None:
    easy = bench_of(Family("right"), Family("right"), n=4, m=16)
    solution = solve(find_strategy("auto"), easy)
    assert solution.support is Support.SUPPORTED
    assert len(solution.tests) == 8
    assert solution.ended == "choice and support were settled after 8 tests"
    rivals = answers(program(RIGHT), program("n = int(input())\nprint(n * 2)"), program("print(int(input()) + 4)"))
    tied = ScriptedWriter(answers(unit_test("4", "8")))  # nobody tells them apart
    hard = solve(find_strategy("auto:step=4,most=12"), bench_of(ScriptedWriter(rivals), tied, n=3, m=16))
    assert (len(hard.tests), hard.ended) == (12, "")


def test_auto_asks_for_no_more_tests_where_there_is_no_program() -> None:
    solution = solve(find_strategy("auto"), bench_of(Family("malformed"), Family("right"), m=16))
    assert (len(solution.tests), solution.ended) == (4, "there was no program to test after 4 tests")


def test_auto_asks_for_the_same_tests_as_best_of_n() -> None:
    auto = solve(find_strategy("auto:step=2,most=6"), bench_of(Family("wrong"), Family("mixed"), m=6, seed=3))
    whole = solve(find_strategy("codet"), bench_of(Family("wrong"), Family("mixed"), m=6, seed=3))
    assert set(auto.tests) <= set(whole.tests)


def test_a_selector_of_the_users_decides_over_the_strategys_own() -> None:
    five = answers(*[program(RIGHT)] * 5, program("n = int(input())\nprint({3: 7, 4: 8}.get(n, n * 2))"))
    tests = ScriptedWriter(answers(unit_test("3", "7"), unit_test("4", "8")))
    bench = bench_of(ScriptedWriter(five), tests, n=6, m=2, problem=replace(TASK, public=(IOExample("4", "8"),)))
    assert solve(find_strategy("bon"), bench).chosen == 5
    by_majority = solve(find_strategy("bon"), replace(bench, selector=find_selector("majority")))
    assert (by_majority.chosen, by_majority.select) == (0, "majority")
