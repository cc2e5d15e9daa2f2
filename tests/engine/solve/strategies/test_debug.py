"""Debugging against a second implementation, written from its definition: 500 random cases, and tests made anew."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from engine.problems import IOExample
from engine.solve.strategies import Solution, find_strategy, solve
from engine.solve.strategies.board import TestStatus
from engine.solve.writers import Ask
from tests.engine.solve.strategies.benches import bench_of
from tests.engine.solve.strategies.family import RIGHT, UNTOLD, WRONG, Family
from tests.engine.solve.strategies.scripted import ScriptedWriter, program, unit_test

CASES = 500
INPUTS, OUTPUTS = range(6), ("1", "2", "3")
Table = dict[str, str]
Pair = tuple[str, str]


def source_of(table: Table) -> str:
    return f"print({table!r}[input()])"


@dataclass
class Case:
    """Case of programs as tables from input to output, None for a malformed answer. votes: of each input, in order."""

    seed: int
    programs: list[Table | None] = field(default_factory=list)
    examples: list[Pair] = field(default_factory=list)
    tests: list[Pair | None] = field(default_factory=list)
    votes: dict[str, list[str | None]] = field(default_factory=dict)
    repairs: list[Table | None] = field(default_factory=list)
    aimed: list[Pair | None] = field(default_factory=list)
    most_inputs: int = 8
    rounds: int = 3
    remade: int = 0

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        kinds = [self._table(rng) for _ in range(3)]
        self.programs = [None if rng.random() < 0.1 else rng.choice(kinds) for _ in range(rng.randint(1, 5))]
        self.examples = [self._pair(rng) for _ in range(rng.randint(0, 2))]
        self.tests = [self._pair(rng) if rng.random() < 0.9 else None for _ in range(rng.randint(0, 6))]
        liked = {str(n): rng.choice(OUTPUTS) for n in INPUTS}
        self.votes = {
            stdin: [rng.choice([liked[stdin], liked[stdin], rng.choice(OUTPUTS), None]) for _ in range(8)]
            for stdin in liked
        }
        self.repairs = [rng.choice([None, *kinds, self._table(rng), self._table(rng)]) for _ in range(12)]
        self.aimed = [self._pair(rng) if rng.random() < 0.9 else None for _ in range(60)]
        self.most_inputs, self.rounds = rng.choice((1, 2, 8)), rng.randint(0, 4)
        self.remade = rng.choice((0, 0, 1, 2))

    @staticmethod
    def _table(rng: random.Random) -> Table:
        return {str(n): rng.choice(OUTPUTS) for n in INPUTS if rng.random() < 0.9}

    @staticmethod
    def _pair(rng: random.Random) -> Pair:
        return str(rng.choice(INPUTS)), rng.choice(OUTPUTS)

    def solve(self) -> tuple[Solution, list[Ask]]:
        asks: list[Ask] = []
        repairs, aimed = iter(self.repairs), iter(self.aimed)

        def coder(ask: Ask, index: int) -> str:
            if ask.id == "coder":
                table = self.programs[index]
            else:
                asks.append(ask)
                table = next(repairs)
            return "Well." if table is None else program(source_of(table))

        def tester(ask: Ask, index: int) -> str:
            if "vote" in ask.id:
                stdin = ask.messages[0]["content"].rpartition("Input:\n```\n")[2].partition("\n```")[0]
                said = self.votes[stdin][index]
                return "Well." if said is None else f"```\n{said}\n```"
            pair = self.tests[index] if ask.id == "tester" else next(aimed)
            return "Well." if pair is None else unit_test(*pair)

        problem = replace(UNTOLD, public=tuple(IOExample(*pair) for pair in self.examples))
        bench = bench_of(
            ScriptedWriter(coder), ScriptedWriter(tester), n=len(self.programs), m=len(self.tests), problem=problem
        )  # fmt: skip
        options = f"inputs={self.most_inputs},rounds={self.rounds},remade={self.remade}"
        return solve(find_strategy(f"debug:{options}"), bench), asks


class Second:
    """Second implementation: sets of pairs and plain loops over tables, no board."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.programs = list(case.programs)
        self.repairs, self.aimed = iter(case.repairs), iter(case.aimed)
        self.shown: list[Pair] = []
        self.seen = [stdin for stdin, _ in case.examples]  # inputs that tell programs apart
        self.confirmed: list[Pair] = []

    def run(self) -> Table | None:
        first = [pair for pair in self.case.tests if pair is not None]
        self.seen += [stdin for stdin, _ in first]
        inputs = list(dict.fromkeys(stdin for stdin, _ in first))[: self.case.most_inputs]
        self.confirmed = self.agreed(inputs)
        self.repair()
        best = self.best()
        return None if best is None else self.programs[best]

    def agreed(self, inputs: list[str]) -> list[Pair]:
        pairs = []
        for stdin in inputs:
            counts = Counter(said for said in self.case.votes[stdin] if said is not None)
            leading = [said for said, count in counts.items() if count >= 4 and count == max(counts.values())]
            pairs += [(stdin, leading[0])] if len(leading) == 1 else []
        return pairs

    def passed(self, table: Table, pairs: list[Pair]) -> int:
        return sum(table.get(stdin) == output for stdin, output in pairs)

    def best(self) -> int | None:
        def value(table: Table) -> tuple[int, int, int]:
            same = [other for other in eligible if all(other.get(x) == table.get(x) for x in self.seen)]
            return self.passed(table, self.case.examples), self.passed(table, self.confirmed), len(same)

        tables = [table for table in self.programs if table is not None]
        most = max((self.passed(table, self.case.examples) for table in tables), default=0)
        eligible = [table for table in tables if self.passed(table, self.case.examples) == most]
        if not eligible:
            return None
        best = max(value(table) for table in eligible)
        return next(
            row for row, table in enumerate(self.programs) if table is not None and value(table) == best
        )  # fmt: skip

    def repair(self) -> None:
        base = self.best()
        written = [table for table in self.programs if table is not None]
        aims = list(self.confirmed)
        for attempt in range(self.case.rounds):
            if base is None:
                return
            table = self.programs[base]
            assert table is not None
            failed = [pair for pair in (*self.case.examples, *aims) if table.get(pair[0]) != pair[1]]
            if not failed:
                return
            found = None
            for _ in range(2):  # a malformed answer is asked for once more
                self.shown.append(failed[0])
                found = next(self.repairs)
                self.programs.append(found)
                if found is not None:
                    break
            if found is None:
                continue
            if found in written:
                return
            written.append(found)
            both = (self.case.examples, aims)
            if [self.passed(found, each) for each in both] < [self.passed(table, each) for each in both]:
                continue
            base = len(self.programs) - 1
            if self.case.remade and attempt < self.case.rounds - 1:
                aims = self.made_anew()
                if not aims:
                    return

    def made_anew(self) -> list[Pair]:
        inputs: list[str] = []
        known = {stdin for stdin, _ in (*self.case.examples, *self.confirmed)}
        for _ in range(4):
            for pair in [next(self.aimed) for _ in range(self.case.remade - len(inputs))]:
                if pair is not None and pair[0] not in known and pair[0] not in inputs:
                    inputs.append(pair[0])
            if len(inputs) >= self.case.remade:
                break
        new = self.agreed(inputs)
        self.confirmed += new
        self.seen += inputs
        return new


def test_random_cases_end_as_by_a_second_implementation() -> None:
    ends: Counter[str] = Counter()
    for seed in range(CASES):
        case = Case(seed)
        solution, asks = case.solve()
        second = Second(case)
        expected = second.run()
        assert [(test.input, test.output) for test in solution.tests] == second.confirmed, seed
        assert len(solution.candidates) == len(second.programs), seed
        shown = [_shown(ask) for ask in asks]
        assert shown == second.shown, seed
        if expected is not None and (any(stdin in expected for stdin in second.seen) or not second.seen):
            assert solution.program == source_of(expected), seed
        ends["repaired" if (solution.chosen or 0) >= len(case.programs) else "kept"] += 1
        ends["anew"] += len(second.confirmed) > len({stdin for stdin, _ in filter(None, case.tests)})
    assert min(ends["repaired"], ends["kept"]) > 50
    assert ends["anew"] > 5


def _shown(ask: Ask) -> Pair:
    """Return the test that a repair's question shows; a form that is asked for again belongs to the one before."""
    texts = [message["content"] for message in ask.messages if "Expected output:" in message["content"]]
    stdin, expected = (
        texts[-1].partition(f"{head}:\n```\n")[2].partition("\n```")[0] for head in ("Input", "Expected output")
    )
    return stdin, expected


def test_tests_made_anew_see_the_program_and_decide_the_next_repair() -> None:
    """2 -> 4 is passed by the square; the tester then aims 5 -> 10 at it."""
    asked: list[Ask] = []

    def tester(ask: Ask, index: int) -> str:
        if not index:
            asked.append(ask)
        if ask.id.startswith(("vote", "revote")):
            return Family("right").answer(ask.messages, index)
        return unit_test("5", "11") if ask.id.startswith("remade") else unit_test("2", "4")

    sources = iter([WRONG[0], RIGHT])
    coder = ScriptedWriter(
        lambda ask, index: program("print(9)\ninput()" if ask.id == "coder" else next(sources))
    )  # fmt: skip
    bench = bench_of(coder, ScriptedWriter(tester), n=1, m=1, problem=UNTOLD)
    solution = solve(find_strategy("debug:remade=2"), bench)
    remade = [ask for ask in asked if ask.id.startswith("remade")]
    assert [(ask.id, ask.n) for ask in remade][:2] == [("remade-0-0", 2), ("remade-0-1", 1)]  # inputs are distinct
    assert WRONG[0] in remade[0].messages[-1]["content"]
    assert "error pattern" in remade[0].messages[-1]["content"]
    assert [(test.input, test.output, test.status) for test in solution.tests] == [
        ("2", "4", TestStatus.CONFIRMED), ("5", "10", TestStatus.CONFIRMED),
    ]  # fmt: skip
    assert solution.program == RIGHT


@pytest.mark.parametrize("remade", [0, 3])
def test_no_confirmed_test_made_anew_ends_the_debugging(remade: int) -> None:
    def tester(ask: Ask, index: int) -> str:
        if ask.id.startswith("revote"):
            return f"```\n{index}\n```"
        if ask.id.startswith("vote"):
            return Family("right").answer(ask.messages, index)
        return unit_test(str(index), str(2 * index))

    repairs = iter([WRONG[0], WRONG[1], RIGHT])
    coder = ScriptedWriter(lambda ask, index: program("print(7)" if ask.id == "coder" else next(repairs)))
    bench = bench_of(coder, ScriptedWriter(tester), n=1, m=4, problem=UNTOLD)
    solution = solve(find_strategy(f"debug:remade={remade}"), bench)
    assert len(solution.tests) == 4  # what was confirmed before still chooses
    assert sum(ask.id.startswith("repair") for ask in coder.asks) == (1 if remade else 3)
