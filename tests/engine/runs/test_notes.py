"""Notes of the user on runs: one line, its tags, and what is refused."""

from __future__ import annotations

import pytest

from engine.errors import ConfigError
from engine.runs.folder import RunFolder
from engine.runs.listing import read_info
from engine.runs.notes import MOST_CHARACTERS, read_note, tags_of, write_note


def test_a_note_is_kept_in_one_line_and_removed_by_an_empty_one(run: RunFolder) -> None:
    assert read_note(run.path) == ""
    write_note(run.path, "  #best   longer\nanswers ")
    assert (read_note(run.path), read_info(run.path).note) == ("#best longer answers", "#best longer answers")
    with pytest.raises(ConfigError, match="301 characters, at most 300"):
        write_note(run.path, "x" * (MOST_CHARACTERS + 1))
    write_note(run.path, "é" * MOST_CHARACTERS)
    assert read_note(run.path) == "é" * MOST_CHARACTERS
    write_note(run.path, " ")
    assert not (run.path / "note.txt").exists()


def test_tags_are_the_words_with_a_hash(run: RunFolder) -> None:
    assert tags_of("#a, lower #b. #a # C#") == ("a", "b")


@pytest.mark.parametrize("odd", [b"\x1b[31mred\x07\xff", b"x" * 5000], ids=["escapes", "large"])
def test_a_note_of_others_cannot_reach_the_terminal_raw_nor_be_large(run: RunFolder, odd: bytes) -> None:
    (run.path / "note.txt").write_bytes(odd)
    note = read_info(run.path).note
    assert "\x1b" not in note
    assert "\x07" not in note
    assert len(note) <= MOST_CHARACTERS
