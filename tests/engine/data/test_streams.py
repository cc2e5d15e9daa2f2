"""Streamed readers: what they read back, what they set aside, what they refuse, and how much memory they take."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.data import streams
from engine.data.streams import BadRow, Row, Unread, read_rows
from engine.errors import DataError

RECORDS: list[Any] = [
    {"question": "ünï\u2028 \U0001f600", "test_input": ["1\n", "\\n", ""], "n": 1, "f": 2.5, "none": None},
    {"nested": {"a": [1, [2, {"b": []}]]}, "empty": {}, "list": [], "yes": True, "esc": "\U0001f600 \u0000"},
    {},
    {"test_input": [f"{index}\n" * 40 for index in range(3000)], "numbers": list(range(20_000))},
    {"mixed": [1, "a", None, {"b": [2]}, [3]] * 5000},
]


def values(path: Path) -> list[object]:
    rows = list(read_rows(path))
    assert all(isinstance(row, Row) for row in rows), rows
    return [row.value for row in rows if isinstance(row, Row)]


def written(path: Path, text: str | bytes) -> Path:
    data = text.encode() if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("chunk", [1, 7, 1000, streams.CHUNK_BYTES])
@pytest.mark.parametrize("short", [50, streams.SHORT_LIST])
@pytest.mark.parametrize(("ascii_only", "indent"), [(True, None), (False, 2)])
def test_a_list_reads_as_json_reads_it_however_it_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, short: int, ascii_only: bool, indent: int | None
) -> None:
    records = RECORDS[:3] if chunk < 1000 else RECORDS
    path = written(tmp_path / "a.json", json.dumps(records, ensure_ascii=ascii_only, indent=indent))
    monkeypatch.setattr(streams, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(streams, "SHORT_LIST", short)
    assert values(path) == records


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.json", "a.json.gz"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
def test_lines_are_records_in_every_file_of_json(tmp_path: Path, name: str, end: str) -> None:
    lines = (end or "\n").join(json.dumps(record, ensure_ascii=False) for record in RECORDS) + end
    path = written(tmp_path / name, lines)
    assert values(path) == RECORDS


def test_lists_and_single_objects_are_read_under_any_name(tmp_path: Path) -> None:
    assert values(written(tmp_path / "list.jsonl", json.dumps(RECORDS, indent=1))) == RECORDS
    assert values(written(tmp_path / "one.json", json.dumps(RECORDS[0], indent=1))) == RECORDS[:1]
    assert values(written(tmp_path / "none.json", " [ ]\n")) == []
    assert values(written(tmp_path / "mark.json", b"\xef\xbb\xbf[{}]")) == [{}]


def test_numbers_at_the_end_of_a_piece_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = [{"a": value, "b": [value] * 3} for value in (1234567, -1.5e300, 0.001)]
    path = written(tmp_path / "a.json", json.dumps(numbers))
    for chunk in range(1, 40):
        monkeypatch.setattr(streams, "CHUNK_BYTES", chunk)
        assert values(path) == numbers


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ('{"a": tru}', "Expecting value"),
        ('{"a": 1 "b": {"c": "}]"}, "d": [1]}', "',' expected|, expected"),
        ('{"a": [1, 2 3], "b": "{"}', "expected"),
        ('{"a": "line\nbreak"}', "Invalid control character"),
        ("{1: 2}", "no string"),
        ('{"a": "\\x"}', "Invalid"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", "deep"),
        ('{"a": ' + "9" * 10_000 + "}", "digits"),
    ],
)
def test_a_broken_record_of_a_list_is_set_aside_with_its_line(tmp_path: Path, record: str, reason: str) -> None:
    path = written(tmp_path / "a.json", f'[\n{{"a": 1}},\n{record},\n{{"b": "]"}}]')
    before, broken, after = read_rows(path)
    assert isinstance(broken, BadRow)
    assert (broken.index, broken.line) == (1, 3)
    assert any(part in broken.reason for part in reason.split("|")), broken.reason
    assert isinstance(before, Row)
    assert isinstance(after, Row)
    assert (before.value, after.value, after.index) == ({"a": 1}, {"b": "]"}, 2)


def test_a_broken_line_is_set_aside_with_its_number(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b'{"a": 1}\n\n{"a": \n{"a": 2} x\n{"a": "\xff"}\n7\n{"a": 3}')
    rows = list(read_rows(path))
    assert [(type(row), row.index, row.line) for row in rows] == [
        (Row, 0, 1), (BadRow, 1, 3), (BadRow, 2, 4), (BadRow, 3, 5), (Row, 4, 6), (Row, 5, 7)
    ]  # fmt: skip
    assert [row.reason.partition(": ")[2] for row in rows if isinstance(row, BadRow)] == [
        "cut short", "more text after the record", "is not UTF-8"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.jsonl", "b.json"])
def test_a_file_that_is_cut_short_is_an_error_not_a_shorter_set(tmp_path: Path, name: str) -> None:
    lines = name in ("a.jsonl", "b.json")
    text = "\n".join(map(json.dumps, RECORDS)) if lines else json.dumps(RECORDS)
    with pytest.raises(DataError, match=r"ends in the middle of record 4 .*\(copy or fetch it again\)"):
        list(read_rows(written(tmp_path / name, text[:-3000])))


def test_gzip_that_is_cut_short_or_no_gzip_is_an_error(tmp_path: Path) -> None:
    noise = random.Random(0).randbytes(50_000).hex()
    packed = gzip.compress(json.dumps([noise]).encode())
    for data in (packed[:-1000], b"[{}]", packed[:1000] + b"x" * 1000 + packed[2000:]):
        path = tmp_path / "a.json.gz"
        path.write_bytes(data)
        with pytest.raises(DataError, match=r"cut short|ends in the middle"):
            list(read_rows(path))


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb") as file:
        for _ in range(300):
            file.write(b'{"a": "%s"}\n' % (b"0" * 1_000_000))
    with pytest.raises(DataError, match="decompression bomb"):
        for _ in read_rows(path):
            pass


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "", "is empty"),
        ("a.json", "hello", "holds no JSON"),
        ("a.json", "[{}] []", "more text after the last record"),
        ("a.json", "[{}\n{}]", "line 2: , expected"),
        ("a.csv", "a,b", "no data file by its name"),
    ],
)
def test_what_holds_no_records_is_refused_in_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        list(read_rows(written(tmp_path / name, text)))
    assert "\n" not in str(caught.value)


def test_missing_files_and_empty_folders_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.json", tmp_path):
        with pytest.raises(DataError):
            list(read_rows(path))


def test_strings_beyond_the_budget_of_a_long_list_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST_ITEM", 100_000)
    monkeypatch.setattr(streams, "LIST_BUDGET", 150_000)
    sizes = [90_000, 100_001, 50_000, 10_001, 10_000]
    record = {"test_input": ["x" * size for size in sizes], "question": "y" * 200_000}
    (value,) = values(written(tmp_path / "a.json", json.dumps([record])))
    assert value == {
        "test_input": ["x" * 90_000, Unread(100_001), "x" * 50_000, Unread(10_001), "x" * 10_000],
        "question": "y" * 200_000,
    }


def test_a_task_of_apps_is_a_folder(tmp_path: Path) -> None:
    task = tmp_path / "0001"
    task.mkdir()
    (task / "question.txt").write_text("Add.")
    (task / "input_output.json").write_text('{"inputs": [], "outputs": []}')
    (task / "metadata.json").write_text('{"difficulty": "interview", "url": "https://example.org"}')
    assert values(tmp_path) == [
        {
            "problem_id": "0001",
            "difficulty": "interview",
            "url": "https://example.org",
            "question": "Add.",
            "input_output": '{"inputs": [], "outputs": []}',
        }
    ]


READ = """
import resource, sys
from pathlib import Path
from engine.data.streams import read_rows
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for row in read_rows(Path(sys.argv[1])):
    pass
print(row.index, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
def test_a_record_of_any_size_takes_little_memory(tmp_path: Path) -> None:
    test = "12345 67890\n" * 150_000
    record = {"question": "?", "test_input": [test] * 100, "test_output": ["1\n"] * 100}  # 180 MB
    path = tmp_path / "a.json"
    with path.open("w") as file:
        file.write("[")
        json.dump(record, file)
        file.write(", ")
        json.dump(record, file)
        file.write("]")
    said = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True, check=True).stdout
    index, megabytes = map(int, said.split())
    assert index == 1
    assert megabytes < 150
