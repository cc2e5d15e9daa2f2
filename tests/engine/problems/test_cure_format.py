"""CURE files: problems are read back equal; every fault is one line with its place and remedy."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DataError
from engine.printable import printable
from engine.problems import (
    IOExample,
    Problem,
    load_problems,
    parse_cure_record,
    save_problems,
    to_cure_record,
)
from engine.problems.problem import COMPARISONS


def record(**changes: Any) -> dict[str, Any]:
    """Return a valid CURE record with `changes`; None drops the field."""
    fields: dict[str, Any] = {
        "question": "Print the sum of two integers.",
        "test_time_limit": 1,
        "example_input": ["1 2\n"],
        "example_output": ["3\n"],
        "test_input": ["4 5\n", "0 0\n"],
        "test_output": ["9\n", "0\n"],
    }
    fields.update(changes)
    return {name: value for name, value in fields.items() if value is not None}


def write(path: Path, *records: Any) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(item) + "\n" for item in records))
    else:
        path.write_text(json.dumps(list(records), indent=2))
    return path


def refusal(act: Callable[[], object]) -> str:
    """Return the line that a user sees."""
    with pytest.raises(DataError) as caught:
        act()
    assert caught.value.remedy
    line = str(caught.value)
    assert "\n" not in line
    return line


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
examples = st.lists(st.builds(IOExample, texts, texts), max_size=3).map(tuple)
problems = st.builds(
    Problem,
    id=texts.map(printable).filter(str.strip),
    statement=texts.filter(str.strip),
    public=examples,
    hidden=examples.filter(bool),
    time_limit=st.floats(min_value=1e-6, max_value=1e6),
    difficulty=texts,
    dataset=texts,
    solutions=st.lists(texts, max_size=2).map(tuple),
    compare=st.sampled_from(["", *COMPARISONS]),
)


@given(problems)
def test_a_record_reads_back_as_the_problem_it_was_made_of(problem: Problem) -> None:
    assert parse_cure_record(json.loads(json.dumps(to_cure_record(problem))), "here") == problem


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_a_saved_file_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, suffix: str) -> None:
    path = tmp_path_factory.mktemp("data") / f"tasks{suffix}"

    @settings(max_examples=40)
    @given(st.lists(problems, min_size=1, max_size=4, unique_by=lambda problem: problem.id))
    def holds(some: list[Problem]) -> None:
        save_problems(path, some)
        assert load_problems(path) == some

    holds()


def test_json_and_jsonl_hold_the_same_problems(tmp_path: Path) -> None:
    records = [record(), record(task_id="b", difficulty="easy")]
    as_list = load_problems(write(tmp_path / "tasks.json", *records))
    assert as_list == load_problems(write(tmp_path / "tasks.jsonl", *records))


def test_every_field_lands_where_it_belongs() -> None:
    problem = parse_cure_record(
        record(task_id="p7", difficulty="hard", dataset="mine", solutions=["x"], compare="json"), "here"
    )
    assert problem == Problem(
        id="p7",
        statement="Print the sum of two integers.",
        public=(IOExample("1 2\n", "3\n"),),
        hidden=(IOExample("4 5\n", "9\n"), IOExample("0 0\n", "0\n")),
        time_limit=1.0,
        difficulty="hard",
        dataset="mine",
        solutions=("x",),
        compare="json",
    )


def test_a_task_without_an_id_is_named_by_its_place(tmp_path: Path) -> None:
    path = write(tmp_path / "tasks.json", *[record() for _ in range(13)])
    assert load_problems(path)[12].id == "task-00012"


def test_whole_numbers_serve_as_id_and_difficulty() -> None:
    problem = parse_cure_record(record(task_id=11, difficulty=2), "here")
    assert (problem.id, problem.difficulty) == ("11", "2")


def test_unknown_fields_and_null_options_are_ignored() -> None:
    plain = parse_cure_record(record(), "here")
    assert parse_cure_record(record() | {"test_method": "stdio", "solutions": None, "compare": None}, "here") == plain


def test_a_task_may_have_no_public_example() -> None:
    assert parse_cure_record(record(example_input=[], example_output=[]), "here").public == ()


def test_blank_lines_byte_order_mark_crlf_and_line_separators_do_not_disturb_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    line = json.dumps(record(question="one\u2028two"), ensure_ascii=False)
    path.write_bytes(b"\xef\xbb\xbf\r\n" + line.encode() + b"\r\n\r\n" + line.encode() + b"\r\n")
    assert [problem.statement for problem in load_problems(path)] == ["one\u2028two"] * 2


@pytest.mark.parametrize(
    ("changes", "field", "what"),
    [
        ({"question": None}, "question", "missing"),
        ({"question": " \n"}, "question", "blank"),
        ({"question": 5}, "question", "must be a string, is a number"),
        ({"question": "half \ud800"}, "question", "surrogate"),
        ({"test_time_limit": None}, "test_time_limit", "missing"),
        ({"test_time_limit": "1"}, "test_time_limit", "is a string"),
        ({"test_time_limit": True}, "test_time_limit", "is a boolean"),
        ({"test_time_limit": 0}, "test_time_limit", "above 0"),
        ({"test_time_limit": float("nan")}, "test_time_limit", "above 0"),
        ({"test_time_limit": 10**400}, "test_time_limit", "at most"),
        ({"example_output": None}, "example_output", "missing"),
        ({"example_output": []}, "example_output", "has 0 entries"),
        ({"test_input": "4 5"}, "test_input", "must be a list of strings, is a string"),
        ({"test_input": ["4 5", 6]}, "test_input[1]", "must be a string, is a number"),
        ({"test_output": ["9"]}, "test_output", 'has 1 entries, "test_input" has 2'),
        ({"test_input": [], "test_output": []}, "test_input", "without tests"),
        ({"task_id": ""}, "task_id", "blank"),
        ({"task_id": ["a"]}, "task_id", "is a list"),
        ({"task_id": True}, "task_id", "is a boolean"),
        ({"solutions": "print()"}, "solutions", "must be a list"),
        ({"solutions": [{}]}, "solutions[0]", "is an object"),
        ({"compare": "fuzzy"}, "compare", "is no comparison: 'fuzzy'"),
        ({"compare": ["json"]}, "compare", "must be a string, is a list"),
    ],
)
def test_a_bad_field_is_named_with_file_record_and_line(
    tmp_path: Path, changes: dict[str, Any], field: str, what: str
) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text("\n".join(["", json.dumps(record()), json.dumps(record(**changes)), ""]))
    line = refusal(lambda: load_problems(path))
    assert line.startswith(f'{path}, record 1 (from 0, line 3), field "{field}" ')
    assert what in line

    path = write(tmp_path / "tasks.json", record(), record(**changes))
    line = refusal(lambda: load_problems(path))
    assert line.startswith(f'{path}, record 1 (from 0), field "{field}" ')


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("tasks.json", b"", "is empty"),
        ("tasks.jsonl", b" \n\n", "is empty"),
        ("tasks.json", b"[]", "holds no task"),
        ("tasks.json", b'[{"question": "x",\n  "test_input" ["1"]}]', "broken JSON at line 2, column 16"),
        ("tasks.jsonl", b'\n{"question": "x"', "broken JSON at line 2, column 17"),
        ("tasks.json", b'{"question": "x"}', "must hold a list of tasks, holds an object"),
        ("tasks.json", b'{"question": "x"}\n{"question": "y"}\n', "belongs in a .jsonl file"),
        ("tasks.jsonl", b'[{"question": "x"}]\n', "belongs in a .json file"),
        ("tasks.json", b'["question"]', "must be an object, this is a string"),
        ("tasks.json", b'[{"question": "\xff"}]', "not UTF-8: byte 0xff at offset 15"),
        ("tasks.json", b"[" * 100_000, "nested too deep"),
        ("tasks.json", b"[" + b"9" * 5_000 + b"]", "digits"),
        ("tasks.txt", b"[]", "ends in .json or .jsonl"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, what: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    line = refusal(lambda: load_problems(path))
    assert str(path) in line
    assert what in line


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(lambda: load_problems(tmp_path / "none.json"))
    (tmp_path / "folder.json").mkdir()
    assert "cannot be read" in refusal(lambda: load_problems(tmp_path / "folder.json"))


def test_two_tasks_of_one_id_are_refused_with_both_places(tmp_path: Path) -> None:
    path = write(tmp_path / "tasks.jsonl", record(task_id="a"), record(), record(task_id="a"))
    line = refusal(lambda: load_problems(path))
    assert "record 2 (from 0, line 3)" in line
    assert "'a' is already the id of" in line
    assert "record 0 (from 0, line 1)" in line


def test_an_id_that_is_a_place_name_of_another_task_is_a_duplicate(tmp_path: Path) -> None:
    path = write(tmp_path / "tasks.json", record(task_id="task-00001"), record())
    assert "task-00001" in refusal(lambda: load_problems(path))


def sound(task_id: str) -> Problem:
    return parse_cure_record(record(task_id=task_id), "here")


def test_saving_refuses_what_loading_would_refuse_and_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    save_problems(path, [sound("a")])
    before = path.read_bytes()
    for bad in ([], [sound("a"), sound("a")], [Problem("b", "statement", (), ())]):
        assert str(path) in refusal(lambda bad=bad: save_problems(path, bad))  # type: ignore[misc]
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["tasks.json"]


def test_a_fault_while_writing_keeps_the_old_file_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tasks.jsonl"
    save_problems(path, [sound("a")])

    def disk_is_full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", disk_is_full)
    assert "No space left on device" in refusal(lambda: save_problems(path, [sound("b")]))
    assert [problem.id for problem in load_problems(path)] == ["a"]
    assert os.listdir(tmp_path) == ["tasks.jsonl"]


def test_saving_into_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none" / "tasks.json"
    assert "cannot be written" in refusal(lambda: save_problems(path, [sound("a")]))


def test_saving_follows_a_link_and_obeys_the_umask(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "real.json")
    umask = os.umask(0o022)
    try:
        save_problems(link, [sound("a")])
    finally:
        os.umask(umask)
    assert link.is_symlink()
    assert stat.S_IMODE((tmp_path / "real.json").stat().st_mode) == 0o644
    assert load_problems(link) == [sound("a")]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["FIFO", "device", "huge"])
def test_what_is_no_file_of_tasks_is_refused_without_reading_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tasks.json"
    if kind == "FIFO":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.touch()
        os.truncate(path, 1 << 36)
    with pytest.raises(DataError, match=r"it is not a file|is larger than"):
        load_problems(path)
