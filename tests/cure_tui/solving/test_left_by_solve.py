"""Screen that `cure-tui solve` leaves in a real terminal, however it ends and whatever happens to it meanwhile."""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cure_tui.command_line import ROOT, Cli
from tests.cure_tui.solving.test_solve import DOUBLE, GOOD, PROBLEM, SQUARE, is_tester, server_of
from tests.engine.solve.strategies.scripted import program, unit_test
from tests.engine.solve.writers.fake_server import Reply, completion, serving
from tests.left_on_screen import After, Left, left_on_screen

SIZES = [(80, 24), (40, 10), (200, 60)]
FOUND = ("print(int(input()) * 2)",)
LONG = "\n".join(f"total_{number} = {number}  # {'a long remark ' * (number % 7)}" for number in range(60))
Handle = Callable[[int, dict[str, Any]], Reply]


def left_by(
    cli: Cli,
    handle: Handle,
    *files: str,
    before: str = "",
    after: str = "",
    options: tuple[str, ...] = (),
    **more: Any,
) -> Left:
    """Solve the files, by default that of PROBLEM. before, after: what a shell finds around the command: "| cat"."""
    (cli.folder / "double.md").write_text(PROBLEM)
    with serving(handle) as server:
        who = f"openai:m@{server.url}"
        command = [
            sys.executable,
            "-m",
            "cure_tui",
            "solve",
            *(files or ("double.md",)),
            "--coder",
            who,
            "--tester",
            who,
        ]
        command += ["-n", "6", "-m", "6", *options]
        if before or after:
            command = ["sh", "-c", f"{before} {shlex.join(command)} {after}"]
        left = left_on_screen(command, environment=cli.environment, folder=cli.folder, **more)
    assert (left.lost, left.untidy) == ((), ()), left.text
    assert left.row == len(left.lines), left.text
    assert "Traceback" not in left.text
    return left


@contextmanager
def held() -> Iterator[Handle]:
    """Answer coders, and testers only once the test is over: all that can end the solving is the user."""
    released = threading.Event()

    def handle(number: int, request: dict[str, Any]) -> Reply:
        if is_tester(request):
            released.wait(60)
        return completion(DOUBLE)

    try:
        yield handle
    finally:
        released.set()


@pytest.mark.parametrize("size", SIZES)
def test_a_supported_program_stands_beneath_all_of_the_users_lines(cli: Cli, size: tuple[int, int]) -> None:
    left = left_by(cli, GOOD, size=size, own_lines=15)
    assert left.status == 0
    assert left.below[:1] == FOUND
    assert left.below[1].startswith("supported: passes 1 of 1")
    assert left.below[-1].endswith(" s")
    assert left.text.count("supported") == 1
    assert b"\xe2\x96\xa0" in left.raw
    if size[1] > 20:
        assert left.scrolled == (), "the picture is low enough for fifteen lines above it"


def test_a_weak_program_and_none_at_all_leave_a_verdict(cli: Cli) -> None:
    weak = left_by(cli, server_of([SQUARE], [unit_test("3", "6")]))
    assert weak.status == 3
    assert weak.below[0] == "print(int(input()) ** 2)"
    assert weak.below[1].startswith("weak: ")
    none = left_by(cli, server_of(["I cannot."], [unit_test("3", "6")]))
    assert none.status == 4
    assert none.below[0].startswith("no program runs: ")


def test_a_long_program_is_whole_with_its_long_lines(cli: Cli) -> None:
    left = left_by(cli, server_of([program(LONG + "\nprint(int(input()) * 2)")], [unit_test("3", "6")]))
    shown, wanted = "".join("".join(left.below).split()), "".join((LONG + FOUND[0]).split())
    assert shown.startswith(f"{wanted}supported:")


def test_several_problems_leave_their_programs_in_order(cli: Cli) -> None:
    names = ("a.md", "b.md", "c.md")
    for name in names:
        (cli.folder / name).write_text(PROBLEM)
    left = left_by(cli, GOOD, *names, size=(40, 10))
    heads = [place for place, line in enumerate(left.below) if line.startswith("# ")]
    assert [left.below[place] for place in heads] == [f"# {name}" for name in names]
    assert [left.below[place + 1] for place in heads] == [*FOUND * 3]
    assert left.text.count("supported: ") == 3


@pytest.mark.parametrize("size", [*SIZES, (9, 3)])
def test_wide_characters_in_a_title_leave_nothing(size: tuple[int, int]) -> None:
    script = (
        "from cure_tui.solving.live import LiveView\n"
        "from engine.solve.events import SolveState\n"
        "state = SolveState(id='二倍の\u0301数' * 50, coder='nano')\n"
        "with LiveView() as view:\n"
        "    for number in range(3):\n"
        "        state.take({'event': 'program', 'row': number, 'source': 'x', 'rejected': '', 'answer': ''})\n"
        "        view.end(state); print(number)\n"
    )
    left = left_on_screen([sys.executable, "-c", script], size=size)
    assert (left.lost, left.untidy, left.below) == ((), (), ("0", "1", "2"))
    assert "二".encode() in left.raw


@pytest.mark.parametrize("moment", ["starting", "programs"])
def test_ctrl_c_leaves_one_line_or_the_best_so_far(cli: Cli, moment: str) -> None:
    with held() as handle:
        left = left_by(cli, handle, script=[After("■" if moment == "programs" else moment, "\x03")])
    assert left.status == 130
    if moment == "programs":
        assert left.below[:1] == FOUND
        assert "".join(left.below[1:]).startswith(("supported: ", "weak: "))
        assert left.text.count("agrees with") == 1
        assert left.text.endswith("interrupted")
    else:
        assert left.below == ("error: interrupted before the first result",)


def test_a_second_ctrl_c_ends_it_at_once(cli: Cli) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        time.sleep(20)
        return completion(DOUBLE)

    left = left_by(cli, handle, script=[After("0 programs", "\x03\x03")])
    assert left.status == 130
    line = "".join(left.below)  # which one depends on whether the first was enough
    assert line.startswith(("error: interrupted", "no program runs"))
    assert line.count("interrupted") == 1


def test_a_terminal_resized_again_and_again_keeps_nothing_of_the_picture(cli: Cli) -> None:
    sizes = [(60, 20), (30, 8), (120, 40), (20, 30), (200, 10), (80, 24)]
    # from frame to frame: some come before the picture was drawn anew, some after
    script = [After("■"), *(After("double", size=size, seconds=0.2 * place) for place, size in enumerate(sizes))]
    with held() as handle:
        left = left_by(cli, handle, script=[*script, After("■", "\x03")])
    assert left.status == 130
    assert left.below[:1] == FOUND
    assert "■" not in left.text
    assert "programs  " not in left.text


def test_keys_typed_meanwhile_move_nothing(cli: Cli) -> None:
    with held() as handle:
        left = left_by(cli, handle, script=[After("■", "\r\rabc\r"), After("■", "\x03")])
    assert left.status == 130
    assert left.below[:1] == FOUND
    assert "abc" not in left.text


@pytest.mark.parametrize("after", ["| cat", "> solution.py"])
def test_with_stdout_elsewhere_one_line_shows_life_and_is_erased(cli: Cli, after: str) -> None:
    left = left_by(cli, GOOD, after=after)
    program_first = FOUND if after == "| cat" else ()
    assert sorted(left.below, key=lambda line: line not in FOUND)[: len(program_first)] == [*program_first]
    assert any(line.startswith("supported: ") for line in left.below)
    assert b"programs" in left.raw
    assert b"\xe2\x96\xa0" not in left.raw, "no matrix beside a program that is read elsewhere"
    if after != "| cat":
        assert (cli.folder / "solution.py").read_text() == FOUND[0] + "\n"


def test_with_json_one_line_shows_life(cli: Cli) -> None:
    left = left_by(cli, GOOD, after="> out.json", options=("--json",))
    assert len(left.below) <= 2
    assert left.below[0].startswith("supported: ")
    assert b"starting" in left.raw


def test_a_picture_that_was_switched_off_shows_nothing(cli: Cli) -> None:
    left = left_by(cli, GOOD, options=("--no-ui",))
    assert b"programs  " not in left.raw


def test_sigterm_leaves_the_users_lines_and_an_echoing_terminal(cli: Cli) -> None:
    def handle(number: int, request: dict[str, Any]) -> Reply:
        if is_tester(request):
            (cli.folder / "asked").touch()
            released.wait(60)
        return completion(DOUBLE)

    released = threading.Event()
    kill = "while [ ! -e asked ]; do sleep 0.1; done; sleep 1; kill -TERM $0"
    left = left_by(cli, handle, before=f"sh -c {shlex.quote(kill)} $$ & exec")
    released.set()
    assert left.status == 143
    assert left.below == ()
    assert b"programs" in left.raw


@pytest.mark.slow
def test_the_embedded_model_leaves_its_program_beneath_the_users_lines(cli: Cli) -> None:
    problem = str(ROOT / "assets/problems/multiples-of-three.md")
    command = [sys.executable, "-m", "cure_tui", "solve", problem, "-n", "6", "-m", "6"]
    left = left_on_screen(command, environment=cli.environment, folder=cli.folder, own_lines=15, seconds=200)
    assert (left.lost, left.untidy, left.scrolled) == ((), (), ())
    assert b"loading " in left.raw
    assert left.status in (0, 3, 4)
    assert left.row == len(left.lines)
    assert left.text.count("tokens, ") == 1
