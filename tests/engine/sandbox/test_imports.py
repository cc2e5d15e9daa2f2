"""Imports of programs: as by a plain interpreter, and once for all executions of one program."""

from __future__ import annotations

from engine.sandbox import Executor


def test_what_a_program_imports_costs_its_executions_next_to_nothing(executor: Executor) -> None:
    source = "from dataclasses import dataclass\nimport random, threading\nprint(random.random())"
    outcomes = executor.run(source, [str(number) for number in range(6)])
    assert len({outcome.stdout for outcome in outcomes}) == 6, "each has random numbers of its own"
    bare = executor.run("print(1)", [str(number) for number in range(6)])
    fastest, of_bare = (min(outcome.cpu_seconds for outcome in each) for each in (outcomes, bare))
    assert fastest - of_bare < 0.005, "importing dataclasses takes 6 ms"
