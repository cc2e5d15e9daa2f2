"""Reader and layout of engine.log: half lines, a log that is replaced or grows fast, wrapped rows, matches."""

from __future__ import annotations

from pathlib import Path

import pytest

from cure_tui.dashboard.run.log_layout import LogLayout, Place
from cure_tui.drawing.spans import plain
from cure_tui.runs import engine_log
from cure_tui.runs.engine_log import EngineLog
from engine.errors import RunError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "engine.log"


def test_lines_come_as_they_are_written_and_a_half_one_is_completed(file: Path) -> None:
    log = EngineLog(file.parent)
    assert log.poll() is None  # there is no log yet
    file.write_bytes(b"one\ntw")
    assert (log.poll(), log.lines) == (0, ["one", "tw"])
    assert log.poll() is None
    with file.open("ab") as more:
        more.write(b"o\n\x1b[31mred\x1b[0m\n 10%\r 90%\r100%\n\ttab\n")
    assert (log.poll(), log.lines) == (1, ["one", "two", "red", "100%", "    tab"])
    file.unlink()
    file.write_bytes(b"a new log\n")
    assert (log.poll(), log.lines) == (0, ["a new log"])
    file.unlink()
    assert (log.poll(), log.lines) == (0, [])


def test_of_a_large_log_the_newest_part_is_kept(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_log, "MOST_BYTES", 40)
    monkeypatch.setattr(engine_log, "LINES_KEPT", 6)
    log = EngineLog(file.parent)
    file.write_bytes(b"".join(b"line %02d\n" % number for number in range(20)))
    assert (log.poll(), log.left_out) == (0, True)
    assert log.lines == ["line 16", "line 17", "line 18", "line 19"]
    with file.open("ab") as more:
        more.write(b"line 20\nline 21\nline 22\n")
    assert (log.poll(), log.lines[0], log.lines[-1]) == (0, "line 17", "line 22")  # six lines are kept
    with file.open("ab") as more:
        more.write(b"".join(b"line %02d\n" % number for number in range(23, 60)))
    assert (log.poll(), log.lines) == (0, ["line 56", "line 57", "line 58", "line 59"])


def test_a_log_that_is_no_file_is_refused(file: Path) -> None:
    file.symlink_to(file.parent / "elsewhere")
    with pytest.raises(RunError, match=r"engine\.log"):
        EngineLog(file.parent).poll()


def test_wrapped_rows_hold_every_character_and_matches_are_found_as_lines_come() -> None:
    layout = LogLayout(columns=4)
    layout.take(["abcdefghij", "", "Abc"], 0)
    shown = [plain([layout.row(number, None)]) for number in range(len(layout.rows))]
    assert shown == ["abcd", "efgh", "ij", "", "Abc"]
    layout.search("BC")
    assert layout.matches == [Place(0, 1), Place(2, 1)]
    layout.take(["abcdefghij", "", "Abc", "bcbc"], 3)
    assert layout.matches == [Place(0, 1), Place(2, 1), Place(3, 0), Place(3, 2)]
    current = layout.next_match(None, 1)
    assert current == Place(3, 2)
    assert layout.next_match(current, -1) == Place(3, 0)
    assert layout.next_match(current, 1) == Place(0, 1)
    assert next(span for span in layout.row(0, Place(0, 1)) if span.style == "cursor").text == "bc"
    assert layout.row_of(Place(0, 5)) == 1
    layout.wrap(wraps=False)
    assert len(layout.rows) == 4
    assert plain([layout.row(0, None, begin=6)]) == "ghij"
    layout.set_width(200)
    layout.search("")
    assert layout.next_match(None, 1) is None
