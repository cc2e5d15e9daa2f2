"""Copying claims no more than it knows: it was sent, not that it arrived; the file exists."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cure_tui.dashboard.copying import CLIPBOARD_BYTES, copy, save
from cure_tui.dashboard.themed_app import ThemedApp


class Terminal:
    """Terminal stub that records what is sent to the clipboard."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def copy_to_clipboard(self, text: str) -> None:
        self.sent.append(text)


def test_a_copy_goes_to_the_clipboard_and_to_a_file_and_says_both(tmp_path: Path) -> None:
    terminal = Terminal()
    copied = copy(terminal, "print(1)\n", tmp_path / "exports", "answer.md")
    assert terminal.sent == ["print(1)\n"]
    assert copied.path == tmp_path / "exports" / "answer.md"
    assert copied.path.read_text() == "print(1)\n"
    sent = "sent to the terminal's clipboard (not every terminal accepts it)"
    assert copied.message == f"{sent}; also saved to {copied.path}"


def test_what_is_too_long_for_terminals_goes_to_the_file_alone(tmp_path: Path) -> None:
    terminal = Terminal()
    copied = copy(terminal, "ü" * (CLIPBOARD_BYTES // 2 + 1), tmp_path, "answer.md")
    assert terminal.sent == []
    assert not copied.sent
    assert copied.message.startswith("too long for most terminals' clipboards (74 kB")
    assert copied.path is not None
    assert str(copied.path) in copied.message


def test_no_file_is_overwritten_and_the_same_text_takes_no_second_one(tmp_path: Path) -> None:
    first, second, again = (save(text, tmp_path, "a.md").path for text in ("one", "two", "one"))
    assert (first, second, again) == (tmp_path / "a.md", tmp_path / "a-2.md", tmp_path / "a.md")
    assert (tmp_path / "a.md").read_text() == "one"


def test_names_stay_inside_the_folder(tmp_path: Path) -> None:
    saved = save("x", tmp_path / "exports", "../../etc/step 1: task/ü.md")
    assert saved.path is not None
    assert saved.path.parent == tmp_path / "exports"
    assert saved.path.name == "etc-step-1-task.md"


def test_without_a_place_for_the_file_the_message_says_so(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("no folder")
    copied = copy(Terminal(), "text", tmp_path / "exports", "a.md")
    assert copied.sent
    assert copied.path is None
    assert "cannot write to" in copied.message
    assert not copied.failed
    assert save("text", tmp_path / "exports", "a.md").failed


def test_characters_that_no_terminal_takes_are_replaced(tmp_path: Path) -> None:
    terminal = Terminal()
    copied = copy(terminal, "lone \ud800", tmp_path, "a.md")
    assert terminal.sent == ["lone ?"]
    assert copied.path is not None
    assert copied.path.read_text() == "lone ?"


def test_a_folder_that_is_a_link_takes_no_file(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "exports").symlink_to(tmp_path / "elsewhere")
    saved = save("text", tmp_path / "exports", "a.md")
    assert saved.failed
    assert saved.message.endswith("it is a link")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_what_is_copied_cannot_end_a_paste_and_type_the_rest() -> None:
    async def steps() -> None:
        app = ThemedApp[None]()
        async with app.run_test():
            app.copy_to_clipboard("x = 1\n\tif x:\x1b[201~\rrm -rf ~\x9b31m\x07\n")
            assert app.clipboard == "x = 1\n\tif x:·[201~·rm -rf ~·31m·\n"

    asyncio.run(steps())
