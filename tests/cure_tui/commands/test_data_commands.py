"""`cure-tui data` as its users run it: list, convert, check, show, and what a preset without its data says."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cure_tui.exit_codes import statuses
from tests.cure_tui.command_line import Cli
from tests.left_on_screen import After, left_on_screen


def task(index: int, **changed: Any) -> dict[str, Any]:
    return {
        "task_id": f"mine-{index}",
        "question": f"Print {index}.",
        "test_input": ["", "1\n", "2\n"],
        "test_output": [f"{index}\n", f"{index + 1}\n", f"{index + 2}\n"],
        "example_input": [],
        "example_output": [],
        "test_time_limit": 1,
        **changed,
    }


def written(cli: Cli, name: str, *records: object) -> Path:
    path = cli.folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_the_list_names_every_set_with_licence_and_whether_it_is_here(cli: Cli) -> None:
    done = cli("data", "list")
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "built in" in rows["nano"]
    assert "CC BY 4.0" in rows["mbpp-original"]
    assert {"codecontests", "codeforces", "livebench", "livecodebench", "mbpp", "humaneval", "apps", "taco"} <= set(
        rows
    )
    listed = json.loads(cli("data", "list", "--json").stdout)
    assert next(each for each in listed if each["name"] == "codecontests")["splits"] == ["train", "validation", "test"]


def test_a_preset_without_its_data_names_the_command_that_gets_them(cli: Cli) -> None:
    done = cli("--preset", "qwen3-4b", "--no-ui")
    assert done.returncode == 5
    assert "run `cure-tui data fetch codecontests`" in done.stderr


def test_convert_writes_what_it_keeps_and_tells_what_it_drops(cli: Cli) -> None:
    source = cli.folder / "list.json"
    source.write_text(json.dumps([task(1), 7, task(2, test_input=["1"]), task(1), task(3, question=" ")], indent=1))
    done = cli("data", "convert", str(source), "--from", "cure", "--no-verify")
    assert done.returncode == 0, done.stderr
    assert "1 tasks, 4 records dropped" in done.stdout
    (line,) = (cli.folder / "list.tasks.jsonl").read_text().splitlines()
    assert json.loads(line)["task_id"] == "mine-1"
    first = (cli.folder / "list.tasks.jsonl").read_bytes()
    cli("data", "convert", str(source), "--from", "cure", "--no-verify")
    assert (cli.folder / "list.tasks.jsonl").read_bytes() == first


def test_references_are_run_when_a_file_is_converted(cli: Cli) -> None:
    right, wrong = "import sys; print(1 + int(sys.stdin.read() or 0))", "print(7)"
    source = written(cli, "a.jsonl", task(1, solutions=[right]), task(2, solutions=[wrong]))
    done = cli("data", "convert", str(source), "--from", "cure", "--to", "b.jsonl", "--json")
    counts = json.loads(done.stdout)["b.jsonl"]
    assert (counts["kept"], counts["verdicts"]) == (1, {"verified": 1})
    assert "reference" in counts["dropped"][0]["reason"]


def test_nothing_is_left_of_a_conversion_that_fails(cli: Cli) -> None:
    for name, text in (("cut.json", '[{"a": 1}, {"b"'), ("none.json", "[7]")):
        (cli.folder / name).write_text(text)
        done = cli("data", "convert", name, "--from", "cure", "--to", "out.jsonl")
        assert done.returncode == 4
        assert done.stderr.startswith("error: ")
        assert not [path for path in cli.folder.iterdir() if "out" in path.name]
    (cli.folder / "a.jsonl").write_text(json.dumps(task(1)) + "\n")
    done = cli("data", "convert", "a.jsonl", "--from", "cure", "--to", "a.jsonl")
    assert (done.returncode, (cli.folder / "a.jsonl").stat().st_size > 10) == (2, True)
    assert cli("data", "convert", "a.jsonl", "--from", "csv").returncode == 2


def test_parquet_is_converted_with_the_names_of_its_labels(cli: Cli) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    features = {"difficulty": {"names": ["UNKNOWN", "EASY"], "_type": "ClassLabel"}}
    table = pa.Table.from_pylist([task(index, difficulty=index % 2) for index in range(20)])
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, cli.folder / "a.parquet")
    done = cli("data", "convert", "a.parquet", "--from", "cure", "--to", "b.jsonl")
    assert done.returncode == 0, done.stderr
    shown = json.loads(cli("data", "show", "b.jsonl", "--index", "1", "--json").stdout)
    assert (shown["task_id"], shown["difficulty"]) == ("mine-1", "EASY")
    (cli.folder / "bad.parquet").write_bytes(b"PAR1 no")
    done = cli("data", "convert", "bad.parquet", "--from", "cure")
    assert done.returncode == 4
    assert "no parquet file" in done.stderr


def test_check_ends_with_4_where_a_run_would_fail(cli: Cli) -> None:
    good = written(cli, "good.jsonl", task(1), task(2))
    assert cli("data", "check", str(good)).returncode == 0
    assert cli("data", "check", "nano").returncode == 0
    assert cli("data", "check", "nano/train", "--against", "nano").returncode == 0
    done = cli("data", "check", str(good), "--against", str(good))
    assert done.returncode == 4
    assert "in the evaluation data" in done.stdout
    assert "would make a run fail" in done.stderr
    report = json.loads(cli("data", "check", str(good), "--json").stdout)
    assert report["tasks"] == 2


def test_show_lists_tasks_or_shows_one_as_the_model_sees_it(cli: Cli) -> None:
    path = written(cli, "a.jsonl", task(1), task(2, question="Print \x1b[31m2."))
    assert "mine-2" in cli("data", "show", str(path)).stdout
    shown = cli("data", "show", str(path), "--id", "mine-2").stdout
    assert "Print ·[31m2." in shown
    assert (
        "Solve the following programming problem" in cli("data", "show", "nano", "--random", "--prompt", "coder").stdout
    )
    one, other = (cli("data", "show", "nano", "--random", "--seed", "5").stdout for _ in range(2))
    assert one == other
    for arguments in (["--index", "2"], ["--id", "none"], ["--index", "0", "--prompt", "judge"]):
        done = cli("data", "show", str(path), *arguments)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


def test_a_set_that_is_not_fetched_yet_is_one_line_with_the_command(cli: Cli) -> None:
    for command in ("show", "check"):
        done = cli("data", command, "livebench")
        assert done.returncode == 7
        assert done.stderr == (
            "error: the test tasks of livebench are not here (run `cure-tui data fetch livebench`)\n"
        )
    assert "did you mean livebench" in cli("data", "show", "livebnch").stderr
    assert cli("data", "show", "none.jsonl").returncode == 4


def test_the_help_of_every_command_ends_with_its_statuses(cli: Cli) -> None:
    for command in ("list", "fetch", "convert", "check", "show"):
        said = cli("data", command, "--help").stdout.partition("Exit status:")[2]
        assert [int(line.split()[0]) for line in said.split("\n") if line.strip()[:1].isdigit()] == list(
            statuses("data")
        )


def test_a_terminal_shows_one_line_of_progress_and_a_file_whole_lines(cli: Cli, tmp_path: Path) -> None:
    path = cli.folder / "a.jsonl"
    path.write_text("".join(json.dumps(task(index)) + "\n" for index in range(3000)))
    environment = {**cli.environment, "HOME": str(tmp_path)}
    command = ["env", *(f"{name}={value}" for name, value in environment.items())]
    command += [sys.executable, "-m", "cure_tui", "data", "convert", str(path), "--from", "cure", "--no-verify"]
    command += ["--to", str(cli.folder / "b.jsonl")]
    screen = left_on_screen(command, script=[After("3,000 tasks")])
    lines = [line for line in screen.lines if line.strip()]
    assert [line for line in lines if "a.jsonl: 3,000 tasks" in line]
    assert len([line for line in lines if line.startswith("a.jsonl:")]) == 1
