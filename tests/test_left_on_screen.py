"""Terminal of the tests, checked by small commands with known output."""

from __future__ import annotations

import sys

import pytest

from tests.left_on_screen import After, left_on_screen


def shell(script: str) -> list[str]:
    return ["sh", "-c", script]


def python(script: str) -> list[str]:
    return [sys.executable, "-c", script]


def test_output_stands_beneath_the_users_own_with_the_cursor_below_them() -> None:
    left = left_on_screen(shell("echo one; echo two; exit 3"), own_lines=2)
    assert left.lines == ("mine 1", "mine 2", "one", "two")
    assert (left.below, left.row, left.status, left.lost, left.untidy) == (("one", "two"), 4, 3, (), ())
    assert left.raw.endswith(b"one\r\ntwo\r\n")


def test_an_erased_line_of_the_user_is_lost() -> None:
    left = left_on_screen(shell(r"printf '\033[2A\033[2Kover\r\n'"), own_lines=3)
    assert left.lost == ("mine 2",)


def test_lines_that_scroll_out_are_not_lost() -> None:
    left = left_on_screen(shell("seq 30"), own_lines=3, size=(20, 10))
    assert left.lost == ()
    assert left.below == tuple(map(str, range(1, 31)))
    assert (len(left.lines), left.row) == (9, 9)


def test_a_cleared_history_is_lost() -> None:
    left = left_on_screen(shell(r"seq 30; printf '\033[3J'"), own_lines=3, size=(20, 10))
    assert left.lost == ("mine 1", "mine 2", "mine 3")


def test_the_alternate_screen_leaves_no_trace() -> None:
    left = left_on_screen(shell(r"printf '\033[?1049h\033[2J\033[Hfull'; seq 40; printf '\033[?1049l'; echo back"))
    assert (left.lost, left.below, left.untidy) == ((), ("back",), ())


def test_settings_left_changed_are_untidy() -> None:
    left = left_on_screen(shell(r"stty -echo; printf '\033[?25l\033[?1049h\033[?1003h\033[?2004h'"))
    assert left.untidy == ("cursor hidden", "mode 1003", "mode 1049", "mode 2004", "termios")


def test_keys_are_typed_once_their_text_is_there() -> None:
    asks = "name = input('name? '); age = input('age? '); print('you are', name, age)"
    left = left_on_screen(python(asks), script=[After("name?", "Ada\r"), After("age?", "36\r")], own_lines=0)
    assert left.lines == ("name? Ada", "age? 36", "you are Ada 36")


def test_a_moment_can_be_waited_for() -> None:
    left = left_on_screen(
        python("import time; a = time.monotonic(); input(); print(time.monotonic() - a > 0.1)"),
        script=[After(keys="\r", seconds=0.5)],
    )
    assert left.below[-1] == "True"


def test_half_a_frame_is_no_screen() -> None:
    draws = (
        "import time; out = lambda text: print(text, end='', flush=True)\n"
        r"out('\033[?2026hready'); time.sleep(0.3); out('\033[2K\r\033[?2026l'); start = time.monotonic()" "\n"
        "time.sleep(0.2); out('ready '); input(); print(time.monotonic() - start > 0.1)"
    )  # fmt: skip
    left = left_on_screen(python(draws), script=[After("ready", "\r")], own_lines=0)
    assert (left.below[-1], left.untidy) == ("True", ())


def test_a_command_may_ask_whether_frames_are_known() -> None:
    asks = r"stty -icanon -echo; printf '\033[?2026$p'; head -c 11 | tr '\033' E; stty icanon echo"
    left = left_on_screen(shell(asks), own_lines=0)
    assert left.below == ("E[?2026;2$y",)


def test_ctrl_c_reaches_the_command() -> None:
    # not signal.pause(): an interrupt that comes just before it is taken would be waited for in vain
    waits = "import time; print('ready', flush=True)\nwhile True: time.sleep(0.05)"
    left = left_on_screen(python(waits), script=[After("ready", "\x03")])
    assert left.status == 130
    assert "KeyboardInterrupt" in left.text


def test_a_command_hears_of_a_new_size_and_the_cursors_row_stays_on_the_screen() -> None:
    tells = (
        "import os, signal\n"
        "signal.signal(signal.SIGWINCH, lambda *_: None)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])\n"
        "for _ in range(2):\n"
        "    print('at', tuple(os.get_terminal_size()), flush=True)\n"
        "    signal.sigwait([signal.SIGWINCH])\n"
        "print('at', tuple(os.get_terminal_size()))\n"
    )
    script = [After("(80, 24)", size=(120, 40)), After("(120, 40)", size=(40, 10))]
    left = left_on_screen(python(tells), script=script)
    assert left.below == ("at (80, 24)", "at (120, 40)", "at (40, 10)")
    assert (left.lost, left.row, len(left.lines)) == ((), 9, 9)


def test_questions_to_the_terminal_are_answered() -> None:
    asks = (
        "import sys, termios, tty\n"
        "saved = termios.tcgetattr(0); tty.setcbreak(0)\n"
        "sys.stdout.write('\\x1b[6n'); sys.stdout.flush()\n"
        "answer = ''\n"
        "while not answer.endswith('R'): answer += sys.stdin.read(1)\n"
        "termios.tcsetattr(0, termios.TCSADRAIN, saved)\n"
        "print(answer[1:])\n"
    )
    assert left_on_screen(python(asks), own_lines=4).below == ("[5;1R",)


def test_sequences_that_pyte_does_not_know_are_not_drawn() -> None:
    left = left_on_screen(shell(r"printf '\033[>1ua\033[<ub\033[=5uc\033P+q544e\033\\d\033_Gi=1\033\\e\n'"))
    assert left.below == ("abcde",)


def test_wide_and_combined_characters_are_read_back() -> None:
    assert left_on_screen(["echo", "■ 漢字 é ⣿"]).below == ("■ 漢字 é ⣿",)


def test_a_text_that_never_comes_fails_with_the_screen() -> None:
    with pytest.raises(AssertionError, match=r"'gone' never came.*\n(.*\n)*there"):
        left_on_screen(shell("echo there; read line"), script=[After("gone")], seconds=0.5)
    with pytest.raises(AssertionError, match="'gone' never came; at the end"):
        left_on_screen(shell("echo there"), script=[After("gone")])


def test_a_command_that_does_not_end_fails_and_is_killed() -> None:
    with pytest.raises(AssertionError, match=r"the command did not end.*\n(.*\n)*there"):
        left_on_screen(shell("echo there; exec sleep 60"), seconds=0.5)
