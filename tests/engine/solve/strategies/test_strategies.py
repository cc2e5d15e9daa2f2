"""Strategies on scripted answers: real parsing, real executions, the selection that the paper describes."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from engine.errors import ConfigError, EnvironmentError_
from engine.problems import IOExample, Problem
from engine.prompts import Role
from engine.sandbox import Executor
from engine.solve.selectors import find_selector
from engine.solve.strategies import Bench, Board, Budget, Quiet, Solution, Support, find_strategy, strategy_names
from engine.solve.strategies import solve as run
from engine.solve.strategies.ranking import certain_leader, ranked
from engine.solve.writers import Answer, Ask, Waiting
from tests.engine.solve.strategies.scripted import Reply, ScriptedWriter, answers, program, unit_test

DOUBLE = program("print(int(input()) * 2)")
SQUARE = program("print(int(input()) ** 2)")
CRASH = program("print(int(input()) // 0)")
NOTHING = "I do not know."


def bench(
    executor: Executor,
    coder: Reply | ScriptedWriter,
    tester: Reply | ScriptedWriter,
    *,
    n: int = 4,
    m: int = 4,
    public: tuple[tuple[str, str], ...] = (),
    budget: Budget | None = None,
    observer: Quiet | None = None,
) -> Bench:
    examples = tuple(IOExample(*pair) for pair in public)
    writers = [each if isinstance(each, ScriptedWriter) else ScriptedWriter(each) for each in (coder, tester)]
    problem = Problem("double", "Double it.", examples, ())
    return Bench(
        problem, "Double it.", *writers, executor, n, m, budget=budget or Budget(), observer=observer or Quiet()
    )  # fmt: skip


def solve(name: str, given: Bench) -> Solution:
    return run(find_strategy(name), given)


GOOD_TESTS = answers(unit_test("3", "6"), unit_test("5", "10"), unit_test("0", "0"), unit_test("2", "4"))


def test_best_of_n_takes_the_program_that_passes_most_tests(executor: Executor) -> None:
    solution = solve("bon", bench(executor, answers(NOTHING, SQUARE, DOUBLE, CRASH), GOOD_TESTS))
    assert solution.program == "print(int(input()) * 2)"
    assert solution.chosen == 2
    assert [candidate.votes for candidate in solution.candidates] == [0, 2, 4, 0]
    assert solution.support is Support.SUPPORTED
    assert solution.candidates[0].rejected == "no_block"


def test_a_problems_own_comparison_decides(executor: Executor) -> None:
    given = bench(executor, answers(program("print(int(input()) * 2.0)")), GOOD_TESTS, public=(("3", "6"),))
    assert solve("bon", given).support is Support.WEAK
    by_number = replace(given, problem=replace(given.problem, compare="numbers"))
    assert solve("bon", by_number).support is Support.SUPPORTED


def test_public_examples_outweigh_any_number_of_tests(executor: Executor) -> None:
    wrong_tests = answers(unit_test("3", "9"), unit_test("5", "25"))
    solution = solve(
        "bon", bench(executor, answers(SQUARE, SQUARE, SQUARE, DOUBLE), wrong_tests, public=(("7", "14"),))
    )
    assert solution.program == "print(int(input()) * 2)"
    assert solution.support is Support.WEAK  # right on the example, in a minority by the tests
    assert solution.disputed == (0, 1, 2, 3)


def test_ties_go_to_the_largest_agreement(executor: Executor) -> None:
    only_zero = answers(unit_test("0", "0"))
    third = program("print(0)")
    solution = solve(
        "codet", bench(executor, answers(third, DOUBLE), answers(unit_test("0", "0"), unit_test("1", "2")))
    )
    assert solution.program == "print(int(input()) * 2)"
    tied = solve("bon", bench(executor, answers(CRASH, DOUBLE, SQUARE, DOUBLE), only_zero))
    assert tied.chosen == 1
    assert tied.agreement == 0.75


def test_codet_prefers_a_large_group_to_a_single_program_with_more_tests(executor: Executor) -> None:
    tests = answers(unit_test("2", "4"), unit_test("3", "6"), unit_test("4", "16"), unit_test("0", "0"))
    # Three that double pass 3 tests (score 5.2); one that squares or doubles as the tests want passes 4 (score 4).
    liar = program("n = int(input())\nprint(16 if n == 4 else n * 2)")
    assert solve("codet", bench(executor, answers(DOUBLE, liar, DOUBLE, DOUBLE), tests)).chosen == 0
    assert solve("bon", bench(executor, answers(DOUBLE, liar, DOUBLE, DOUBLE), tests)).chosen == 1


def test_single_takes_what_comes(executor: Executor) -> None:
    solution = solve("single", bench(executor, answers(SQUARE, DOUBLE), GOOD_TESTS))
    assert (solution.program, len(solution.candidates)) == ("print(int(input()) ** 2)", 1)
    assert solution.support is Support.WEAK


def test_debug_repairs_the_best_program_with_the_test_it_fails(executor: Executor) -> None:
    seen: list[Ask] = []

    def coder(ask: Ask, index: int) -> str:
        seen.append(ask)
        return DOUBLE if ask.id.startswith("repair") else SQUARE

    def tester(ask: Ask, index: int) -> str:
        return GOOD_TESTS(ask, index) if ask.id == Role.TESTER else f"So it is\n```\n{2 * int(_asked_input(ask))}\n```"

    given = bench(executor, coder, tester)
    solution = solve("debug", given)
    assert solution.program == "print(int(input()) * 2)"
    assert [message["role"] for message in seen[-1].messages] == ["user", "assistant", "user"]
    assert "it printed something else" in seen[-1].messages[-1]["content"]


def test_debug_drops_tests_whose_output_the_vote_does_not_confirm(executor: Executor) -> None:
    def tester(ask: Ask, index: int) -> str:
        if ask.id == Role.TESTER:
            return [unit_test("3", "9"), unit_test("5", "7")][index % 2]
        return f"```\n{6 if _asked_input(ask) == '3' else index}\n```"

    solution = solve("debug", bench(executor, answers(DOUBLE), tester, m=2))
    assert [(test.input, test.output) for test in solution.tests] == [("3", "6")]
    assert solution.support is Support.SUPPORTED


def _asked_input(ask: Ask) -> str:
    return ask.messages[0]["content"].rpartition("Input:\n```\n")[2].partition("\n```")[0]


@pytest.mark.parametrize("name", strategy_names())
def test_no_strategy_finds_a_program_where_there_is_none(executor: Executor, name: str) -> None:
    solution = solve(name, bench(executor, answers(NOTHING), GOOD_TESTS))
    assert (solution.program, solution.support) == (None, Support.NONE)


@pytest.mark.parametrize("name", strategy_names())
def test_programs_that_only_crash_are_none(executor: Executor, name: str) -> None:
    assert solve(name, bench(executor, answers(CRASH), GOOD_TESTS)).support is Support.NONE


@pytest.mark.parametrize("name", ["bon", "codet", "single"])
def test_malformed_tests_alone_leave_a_weak_solution(executor: Executor, name: str) -> None:
    solution = solve(name, bench(executor, answers(DOUBLE), answers(NOTHING)))
    assert (solution.support, solution.malformed, solution.tests) == (Support.WEAK, 4, ())


def test_it_ends_early_when_nobody_can_overtake_the_leader(executor: Executor) -> None:
    gate = threading.Event()

    def tester(ask: Ask, index: int) -> str:
        if index == 6:  # no caller waits for a writer that never returns
            gate.wait(100)
        return GOOD_TESTS(ask, index)

    solution = solve("bon", bench(executor, answers(CRASH, DOUBLE), tester, n=2, m=8))
    gate.set()
    assert solution.ended == "the leader could not be overtaken"
    assert solution.chosen == 1
    assert len(solution.tests) < 8


WRITTEN_IN = program("print(14)")


def test_a_program_that_never_reads_ranks_behind_those_that_do(executor: Executor) -> None:
    given = bench(executor, answers(WRITTEN_IN, SQUARE, WRITTEN_IN), answers(NOTHING), n=3, public=(("7", "14"),))
    solution = solve("bon", given)
    assert (solution.chosen, solution.support, solution.lacking) == (1, Support.WEAK, "it fails an example")
    assert [candidate.blind for candidate in solution.candidates] == [True, False, True]
    assert solve("codet", given).chosen == 1


@pytest.mark.parametrize("name", ["bon", "codet", "single"])
def test_a_program_that_never_reads_is_never_supported(executor: Executor, name: str) -> None:
    given = bench(executor, answers(WRITTEN_IN), answers(unit_test("7", "14")), public=(("7", "14"),))
    solution = solve(name, given)
    assert (solution.support, solution.lacking) == (Support.WEAK, "it does not read its input")


def test_where_there_is_nothing_to_read_a_program_may_just_print(executor: Executor) -> None:
    given = bench(executor, answers(program("print(55)")), answers(unit_test("", "55")), m=0, public=(("", "55"),))
    assert solve("bon", given).support is Support.SUPPORTED


def test_examples_alone_support_a_program_only_where_no_tests_were_asked_for(executor: Executor) -> None:
    example = (("7", "14"),)
    none = solve("bon", bench(executor, answers(DOUBLE), answers(NOTHING), public=example))
    assert (none.support, none.lacking) == (Support.WEAK, "support takes at least one test beside the examples")
    same = solve("bon", bench(executor, answers(DOUBLE), answers(unit_test("7", "14")), public=example))
    assert same.support is Support.WEAK  # the tester repeats the example
    few = bench(executor, answers(DOUBLE), answers(*[NOTHING] * 15, unit_test("1", "2")), m=16, public=example)
    assert solve("codet", few).lacking == "support takes at least 4 tests beside the examples"
    unasked = solve("bon", bench(executor, answers(DOUBLE), answers(NOTHING), m=0, public=example))
    assert unasked.support is Support.SUPPORTED


def test_programs_that_print_different_wrong_outputs_do_not_agree(executor: Executor) -> None:
    wrong = [program(f"print(int(input()) * 2 + {more})") for more in (1, 2, 3)]
    solution = solve("codet", bench(executor, answers(*wrong, DOUBLE), answers(unit_test("3", "99")), m=1))
    assert solution.agreement == 0.25
    assert len({candidate.cluster for candidate in solution.candidates}) == 4
    spaced = program("print(int(input()) * 2, end=' ')")
    assert solve("codet", bench(executor, answers(DOUBLE, spaced), GOOD_TESTS)).agreement == 1.0


def test_the_only_usable_program_still_waits_for_its_tests(executor: Executor) -> None:
    wrong_elsewhere = program("n = int(input())\nprint(n * 2 if n == 7 else 0)")
    given = bench(executor, answers(SQUARE, wrong_elsewhere), GOOD_TESTS, n=2, m=8, public=(("7", "14"),))
    solution = solve("bon", given)
    assert (solution.chosen, solution.support) == (1, Support.WEAK)
    assert len(solution.tests) >= 2


class Slow(ScriptedWriter):
    """Writer that gives one answer, then has another under way until it is stopped."""

    def __init__(self, under_way: str) -> None:
        super().__init__(answers(NOTHING))
        self._stopped, self._under_way = threading.Event(), under_way

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        yield Answer(asks[0].id, asks[0].role, 0, NOTHING, 5, 300)
        assert self._stopped.wait(100)
        yield Answer(asks[0].id, asks[0].role, 1, self._under_way, 5, 70, finished=False)

    def stop(self) -> None:
        self._stopped.set()


def test_an_answer_under_way_whose_block_is_closed_is_read_and_paid_when_the_budget_ends(executor: Executor) -> None:
    given = bench(executor, Slow(f"{DOUBLE}And then"), GOOD_TESTS, n=2, m=0, budget=Budget(tokens=200))
    solution = solve("bon", given)
    assert solution.program == "print(int(input()) * 2)"
    assert (given.spent.cost.tokens, given.spent.cost.answers) == (370, 2)
    cut = bench(executor, Slow("```python\nprint(int(inp"), GOOD_TESTS, n=2, m=0, budget=Budget(tokens=200))
    assert solve("bon", cut).coder_answers == {"no_block": 1, "cut_off": 1}


def test_a_truncated_answer_of_a_model_whose_prompt_opens_a_thought_is_no_program(executor: Executor) -> None:
    class Thinking(ScriptedWriter):
        def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
            ask = asks[0]
            yield Answer(ask.id, ask.role, 0, f"Hm.</think>{DOUBLE}", 5, 9)
            yield Answer(ask.id, ask.role, 1, SQUARE, 5, 9, finished=False)
            yield Answer(ask.id, ask.role, 2, SQUARE, 5, 9, in_thought=True)

    solution = solve("bon", bench(executor, Thinking(answers()), GOOD_TESTS, n=3))
    assert solution.coder_answers == {"ok": 1, "cut_off_thinking": 1, "only_thought": 1}


def test_what_a_server_cut_off_is_read_last_when_it_is_known_whether_it_thinks(executor: Executor) -> None:
    class Server(ScriptedWriter):
        def __init__(self, last: str) -> None:
            super().__init__(answers())
            self._last = last

        def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
            ask = asks[0]
            yield Answer(ask.id, ask.role, 0, SQUARE, 5, 9, finished=False)
            yield Answer(ask.id, ask.role, 1, self._last, 5, 9)

        def waiting(self) -> Waiting:
            return Waiting(0, 0.0)

        def give_up(self) -> None: ...

    thinking = solve("bon", bench(executor, Server(f"Hm.</think>{DOUBLE}"), GOOD_TESTS, n=2))
    assert thinking.coder_answers == {"ok": 1, "cut_off_thinking": 1}
    plain = solve("bon", bench(executor, Server(DOUBLE), GOOD_TESTS, n=2))
    assert plain.coder_answers == {"ok": 2}


def test_what_became_of_the_answers_is_counted(executor: Executor) -> None:
    coder = answers(DOUBLE, "```\nprint(int(input()) * 2)\n```", program("print(("), NOTHING)
    tester = answers(unit_test("3", "6"), "### Test Input\n`4`\n### Test Output\n`8`", NOTHING, unit_test("3", ""))
    solution = solve("codet", bench(executor, coder, tester))
    assert solution.coder_answers == {"ok": 1, "recovered": 1, "syntax_error": 1, "no_block": 1}
    assert solution.tester_answers == {"ok": 1, "recovered": 1, "no_input": 1, "empty_output": 1}


def test_a_comparison_by_which_the_program_would_pass_is_named(executor: Executor) -> None:
    halves = program("print(int(input()) * 2.0)")
    solution = solve("bon", bench(executor, answers(halves), GOOD_TESTS, public=(("7", "14"),)))
    assert (solution.support, solution.comparison, solution.another) == (Support.WEAK, "whitespace", "tokens")


def test_debug_says_nothing_in_favour_of_tests_that_its_vote_has_refused(executor: Executor) -> None:
    def tester(ask: Ask, index: int) -> str:
        return GOOD_TESTS(ask, index) if ask.id == Role.TESTER else f"```\n{index}\n```"

    solution = solve("debug", bench(executor, answers(DOUBLE), tester))
    assert (solution.tests, solution.support) == ((), Support.WEAK)


def test_a_vote_follows_the_comparison_and_keeps_the_lines_of_the_output(executor: Executor) -> None:
    def tester(ask: Ask, index: int) -> str:
        return unit_test("3", "3 3") if ask.id == Role.TESTER else ("```\n3\n3\n```", "```\n3 3\n```")[index % 3 == 2]

    given = bench(executor, answers(program("n = input()\nprint(n, n, sep='\\n')")), tester, m=1)
    assert [test.output for test in solve("debug", given).tests] == ["3\n3"]
    by_lines = replace(given, problem=replace(given.problem, compare="exact-lines"))
    assert [test.output for test in solve("debug", by_lines).tests] == ["3\n3"]


def test_a_spent_budget_ends_the_sampling_with_what_is_there(executor: Executor) -> None:
    solution = solve("codet", bench(executor, answers(DOUBLE), GOOD_TESTS, n=50, m=50, budget=Budget(tokens=200)))
    assert solution.ended == "the budget of 200 tokens is spent"
    assert solution.program == "print(int(input()) * 2)"


def test_a_fault_after_some_programs_keeps_them_and_one_before_any_is_raised(executor: Executor) -> None:
    fault = EnvironmentError_("the endpoint went away", "start it again")
    late = ScriptedWriter(answers(DOUBLE), fault=fault, before_fault=2)
    solution = solve("bon", bench(executor, late, GOOD_TESTS))
    assert len(solution.candidates) == 2
    assert "went away" in solution.ended
    with pytest.raises(EnvironmentError_, match="went away"):
        solve("bon", bench(executor, ScriptedWriter(answers(DOUBLE), fault=fault), GOOD_TESTS))


def test_an_interrupt_concludes_with_the_best_so_far(executor: Executor) -> None:
    class Impatient(Quiet):
        def on_outcome(self, board: Board, row: int, stdin: str) -> None:
            raise KeyboardInterrupt

    solution = solve("bon", bench(executor, answers(DOUBLE), GOOD_TESTS, observer=Impatient()))
    assert solution.ended == "interrupted"
    assert solution.program == "print(int(input()) * 2)"


def test_a_certain_leader_needs_more_than_all_that_is_to_come() -> None:
    from engine.prompts import Program, UnitTest
    from engine.sandbox import AS_A_PROCESS, Outcome, Status

    board = Board((), AS_A_PROCESS)
    for source in "ab":
        board.add_program(Program(source))
    for stdin in "12":
        board.add_test(UnitTest(stdin, "yes"))
        board.add_outcome(0, stdin, Outcome(Status.OK, "yes"))
    assert ranked(board.matrix()) == [0, 1]
    assert certain_leader(board, 0) is None  # the other's cells are open
    for stdin in "12":
        board.add_outcome(1, stdin, Outcome(Status.OK, "no"))
    assert certain_leader(board, 1) == 0
    assert certain_leader(board, 2) is None  # a tie would be decided by agreement


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("30s", Budget(seconds=30)),
        ("2m, 20k", Budget(seconds=120, tokens=20_000)),
        ("$0.10", Budget(dollars=0.1)),
        ("500tok", Budget(tokens=500)),
    ],
)
def test_budgets_are_read(text: str, budget: Budget) -> None:
    assert Budget.parse(text) == budget


@pytest.mark.parametrize("text", ["much", "10", "$", "-5s", "10s 10k", "0s", "$0.00", "30s, 0tok"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--budget"):
        Budget.parse(text)


def test_an_unknown_strategy_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError) as caught:
        find_strategy("magic")
    assert "bon" in caught.value.remedy


class Shuffled(ScriptedWriter):
    """Writer whose answers arrive in another order than that of their indices."""

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        arrived = list(super().write(asks))
        random.Random(len(arrived)).shuffle(arrived)
        yield from reversed(arrived)


@pytest.mark.parametrize("name", ["bon", "codet", "single"])
@pytest.mark.parametrize("selector", ["bon", "codet", "consensus", "b4", "mpsc", "majority"])
def test_the_same_answers_in_another_order_of_arrival_choose_the_same_program(
    executor: Executor, name: str, selector: str
) -> None:
    texts = [
        program(f"n = int(input())  # {number}\nprint(n * 2 + ({extra}))") for number, extra in enumerate("102010")
    ]
    tests = answers(unit_test("3", "6"), unit_test("3", "7"), unit_test("4", "8"), unit_test("4", "10"))
    given = replace(bench(executor, answers(*texts), tests, n=6, m=4), selector=find_selector(selector))
    solution = solve(name, given)
    moved = replace(given, coder=Shuffled(answers(*texts)), tester=Shuffled(tests))
    assert solve(name, moved).program == solution.program
    assert solution.select == ("" if name == "single" else selector)
