"""Picture in place on a real terminal: what is left is what was printed, however the terminal changed meanwhile."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from tests.left_on_screen import After, Left, left_on_screen

PREPARED = """\
import sys, time
from cure_tui.drawing.in_place import InPlace
picture = InPlace(sys.stderr)
def rows(count):
    return [f"row {number} " + "x" * 60 for number in range(count)]
def until(columns):
    while picture.size[0] != columns - 1:
        time.sleep(0.01)
"""


def left_by(commands: str, **options: Any) -> Left:
    left = left_on_screen([sys.executable, "-c", PREPARED + commands], **options)
    assert (left.lost, left.untidy, left.status) == ((), (), 0), left.text
    assert left.row == len(left.lines)
    return left


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (200, 60), (10, 3)])
@pytest.mark.parametrize("own_lines", [0, 12, 70])
def test_an_erased_picture_leaves_what_was_printed_beneath_the_users_lines(
    size: tuple[int, int], own_lines: int
) -> None:
    left = left_by(
        "for count in (1, 3, 2): picture.draw(rows(count))\npicture.erase(); print('done')",
        size=size,
        own_lines=own_lines,
    )
    assert left.below == ("done",)


def test_lines_printed_between_two_pictures_stay() -> None:
    left = left_by(
        "for number in range(4):\n"
        "    picture.draw(rows(5)); picture.draw(rows(3)); picture.erase(); print('warning', number, flush=True)\n",
        size=(80, 14),
    )
    assert left.below == tuple(f"warning {number}" for number in range(4))


def test_a_terminal_resized_again_and_again_keeps_no_row_of_the_picture() -> None:
    widths = [60, 90, 30, 120, 80]
    script = "".join(
        f"picture.draw(rows(5)); print('at {number}', end='', flush=True); until({width})\n"
        for number, width in enumerate(widths)
    )
    heights = [20, 8, 30, 6, 24]
    left = left_by(
        f"{script}picture.draw(rows(5)); picture.erase(); print('done')",
        script=[After(f"at {number}", size=size) for number, size in enumerate(zip(widths, heights, strict=True))],
    )
    assert left.below == ("done",)


def test_what_is_typed_meanwhile_moves_nothing() -> None:
    left = left_by(
        "picture.draw(rows(3)); line = input(); picture.draw(rows(2)); picture.erase(); print('typed', line)",
        script=[After("row 2", keys="a word\r")],
    )
    assert left.below == ("typed a word",)


def test_nothing_is_drawn_from_the_background() -> None:
    left = left_by(
        "import os, signal\n"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN)\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    os.setpgid(0, 0); picture.draw(rows(3)); picture.erase(); os._exit(0)\n"
        "os.waitpid(child, 0); print('done')\n"
    )
    assert left.below == ("done",)
    assert b"row 0" not in left.raw
