"""JSON read piece by piece: the values and faults of `json.loads`, whatever the pieces, in memory of what is kept."""

from __future__ import annotations

import io
import json
import random
from pathlib import Path
from typing import Any

import pytest

from engine.errors import DataError
from engine.problems import json_text, load_problems, save_problems
from engine.problems.json_text import BrokenJson, JsonText, NoText
from tests.fuzz.mutations import changed_bytes
from tests.growth import growth_mb

RECORD = {
    "question": 'é"\\\n\u2028 🏳️ a, b] }', "test_time_limit": 1.25e-3, "test_input": ["4, 5\n", "", "x" * 90, "]"] * 5,
    "n": [-1, 0.5, 12345678901234567890, True, None, [], {}, [[1], {"a": "b,"}]], "object": {"a": {"b": ["c"] * 9}},
}  # fmt: skip
OTHERS = ("question", "test_time_limit", "object")


def read(data: bytes, pieces: int = 0) -> Any:
    """Return the record that stands alone in `data`, or the line and the reason of its fault."""
    file = io.BytesIO(data)
    text = JsonText(lambda size: file.read(min(size, pieces) if pieces else size))
    try:
        record = text.record(("test_input",), OTHERS)
        if text.peek():
            text.refuse("Extra data")
    except BrokenJson as fault:
        return fault.line, fault.reason
    return kept(record)


def kept(record: object) -> object:
    """Return the fields that the reader keeps of a long record."""
    if not isinstance(record, dict):
        return record
    return {name: value for name, value in record.items() if name in ("test_input", *OTHERS)}


@pytest.fixture
def pieces_of_sixteen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make each piece so short that no value fits into the buffer."""
    monkeypatch.setattr(json_text, "CHUNK_BYTES", 16)


@pytest.mark.usefixtures("pieces_of_sixteen")
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_a_record_in_pieces_is_that_of_the_whole_text(indent: int | None, ascii_only: bool) -> None:
    data = json.dumps(RECORD, indent=indent, ensure_ascii=ascii_only).encode()
    for pieces in (1, 7, 16):
        assert read(data, pieces) == kept(RECORD)


@pytest.mark.usefixtures("pieces_of_sixteen")
def test_a_fault_in_pieces_is_that_of_the_whole_text_at_its_place() -> None:
    chance = random.Random(3)
    data = json.dumps(RECORD, indent=1).encode()
    broken = 0
    for _ in range(400):
        text = changed_bytes(chance, data)[:20_000].decode("utf-8", "replace")
        try:
            expected = kept(json.loads(text))
        except json.JSONDecodeError as fault:
            expected, broken = (fault.lineno, fault.msg), broken + 1
        except (ValueError, RecursionError):
            continue  # digits and depth: the place is not told
        try:
            found = read(text.encode())
        except NoText:
            assert not isinstance(expected, dict) or any(type(item) is not str for item in expected["test_input"])
        else:
            assert repr(found) == repr(expected)
    assert broken > 100


def test_a_column_counts_from_the_begin_of_the_line_also_where_the_buffer_begins_later(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    long = "x" * 3 * json_text.CHUNK_BYTES
    text = f'[\n{{"question": "{long}",\n "a": "{long}", "b" 1}}]'
    file.write_text(text)
    with pytest.raises(json.JSONDecodeError) as whole:
        json.loads(text)
    with pytest.raises(DataError, match=f"line 3, column {whole.value.colno}: Expecting ':' delimiter"):
        load_problems(file)


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_bytes_that_are_not_utf_8_are_named_by_their_place_in_the_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    head = b"\xef\xbb\xbf" + (b"[" if name == "tasks.json" else b"") + b'{"question": "' + b"x" * 700_000
    file.write_bytes(head + b"\xff\n")
    with pytest.raises(DataError, match=f"byte 0xff at offset {len(head)}"):
        load_problems(file)


# Memory -----------------------------------------------------------------------------------------------------------

_NUMBERS = {str(number): number for number in range(3000)}
_TASK: dict[str, Any] = {
    "question": "Print it.", "test_time_limit": 1, "example_input": [], "example_output": [], "test_input": ["1"],
    "test_output": ["1"],
}  # fmt: skip


def refused(file: Path, what: str) -> None:
    with pytest.raises(DataError, match=what):
        load_problems(file)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ([_TASK | {"test_input": _NUMBERS, "x": [_NUMBERS]}] * 200, "must be a list of strings, is an object"),
        ([_TASK | {"test_input": ["a", *[_NUMBERS] * 400]}], r"test_input\[1\]\" must be a string, is an object"),
        ([_TASK, _TASK | {"x": [_NUMBERS] * 400}, 3], "a task must be an object, this is a number"),
        ([_TASK | {"x": [[[]]] * 2_000_000}, 3], "a task must be an object, this is a number"),
        ({str(number): _NUMBERS for number in range(400)}, "must hold a list of tasks, holds an object"),
    ],
    ids=["records", "tests", "ignored", "empty lists", "no list"],
)
@pytest.mark.timeout(120)
def test_what_is_refused_or_ignored_takes_no_memory_of_its_size(tmp_path: Path, content: object, what: str) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(json.dumps(content))
    refused(file, what)  # what a first call takes counts for none
    assert file.stat().st_size > 10 << 20
    assert growth_mb(lambda: refused(file, what)) < 12


def test_an_ignored_object_that_is_too_long_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    file.write_text(f'[\n{json.dumps(_TASK)[:-1]},\n"x": {{"y": {json.dumps([_NUMBERS] * 300)}}}}}]')
    refused(file, r"from line 3 on: a value of more than 10 MB")


@pytest.mark.parametrize("name", ["tasks.json", "tasks.jsonl"])
def test_tasks_are_read_and_written_in_little_more_memory_than_they_take(tmp_path: Path, name: str) -> None:
    file, again = tmp_path / name, tmp_path / f"again-{name}"
    records = (
        json.dumps(_TASK | {"task_id": f"{at}", "test_input": [f"{at}" * 20_000] * 20, "test_output": ["1"] * 20})
        for at in range(100, 116)
    )
    file.write_text("[" + ",\n".join(records) + "]" if name == "tasks.json" else "\n".join(records))
    size = file.stat().st_size / 2**20
    assert size > 15
    problems: list[Any] = []
    load_problems(file)
    assert growth_mb(lambda: problems.extend(load_problems(file))) < 1.5 * size
    save_problems(again, problems)
    assert growth_mb(lambda: save_problems(again, problems)) < 0.5 * size
    assert load_problems(again) == problems
