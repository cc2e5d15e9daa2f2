"""Strategies through the command, over a server that plays every part: the list, each one's solution, its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.solve.selectors import SELECTORS
from engine.solve.strategies import strategy_names
from tests.cure_tui.command_line import Cli
from tests.engine.solve.strategies.family import RIGHT, Family
from tests.engine.solve.writers.fake_server import serving

PROBLEM = """# Double

Read a whole number n. Print twice that number.

## Example

Input:
```
4
```

Output:
```
8
```
"""


def test_the_list_names_needs_options_and_usual_cost(cli: Cli) -> None:
    listed = json.loads(cli("strategies", "--json", "-n", "4", "-m", "4").stdout)
    found = {each["name"]: each for each in listed["strategies"]}
    assert list(found) == strategy_names()
    assert [each["name"] for each in listed["selectors"]] == list(SELECTORS)
    assert found["codet"]["answers"] == [8, 8]
    assert found["debug"]["needs"] == ["conversation"]
    assert found["sstar"]["parts"] == ["coder", "tester", "judge"]
    assert [option["name"] for option in found["auto"]["options"]] == ["step", "most"]
    shown = cli("strategies").stdout
    assert all(name in shown for name in (*strategy_names(), *SELECTORS))


def test_every_strategy_solves_with_a_real_server(cli: Cli, tmp_path: Path) -> None:
    problem = tmp_path / "double.md"
    problem.write_text(PROBLEM)
    family = Family("right")
    with serving(family.handle) as server:
        for name in strategy_names():
            before = len(server.requests)
            who = ["--coder", f"openai:a@{server.url}", "--tester", f"openai:b@{server.url}"]
            done = cli("solve", str(problem), *who, "-n", "3", "-m", "4", "--strategy", name, "--json")
            solution = json.loads(done.stdout)
            assert (done.returncode, solution["program"], solution["strategy"]) == (0, RIGHT, name), done.stderr
            asked = len(server.requests) - before
            assert sum(each["answers"] for each in solution["trail"]) == solution["spent"]["answers"] == asked
    assert {request["model"] for request in server.requests} == {"a", "b"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--strategy", "debug"], "answers single questions only, debug is a conversation"),
        (["--strategy", "bon", "--judge", "nano"], "bon has no judge"),
        (["--strategy", "sstar", "--specifier", "nano"], "sstar has no specifier"),
        (["--strategy", "debug:votes=0"], "votes=0 is out of bounds"),
        (["--select", "magic"], "no selector 'magic'"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_loaded(
    cli: Cli, tmp_path: Path, options: list[str], said: str
) -> None:
    problem = tmp_path / "double.md"
    problem.write_text(PROBLEM)
    done = cli("solve", str(problem), *options)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
