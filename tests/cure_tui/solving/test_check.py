"""`cure-tui solve --check` and what `solve` refuses, through the whole command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from cure_tui.solving.reading import read_source
from engine.errors import DataError
from tests.cure_tui.command_line import ROOT, Cli
from tests.engine.solve.strategies.scripted import program
from tests.engine.solve.writers.fake_server import completion, serving

FAMILIES = ROOT / "tests" / "engine" / "problems" / "families"
SUM = (
    "# Sum\n\nTime limit: 2 seconds\n\nAdd two numbers.\n\n"
    "## Sample Input\n\n```\n3 4\n```\n\n## Sample Output\n\n```\n7\n```\n"
)
CALLS = "# Pair\n\nFind the place.\n\n**Example 1:**\n\n    Input: nums = [2, 7], target = 7\n    Output: 1\n"
TWO = "# One\n\nPrint 1.\n\nSample input\n\n    1\n\nSample output\n\n    1\n\n" * 2
PAGE = (
    "<!DOCTYPE html><title>Sum</title><p>Add.</p>"
    "<h3>Sample Input</h3><pre>3<br>4</pre><h3>Sample Output</h3><pre>7</pre>"
)


def checked(cli: Cli, *arguments: str, stdin: str = "") -> list[dict[str, Any]]:
    done = cli("solve", "--check", "--json", *arguments, stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "")
    read: list[dict[str, Any]] = json.loads(done.stdout)
    return read


def write(cli: Cli, name: str, content: str | bytes) -> str:
    (cli.folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return name


def test_json_is_a_list_with_one_object_a_problem(cli: Cli) -> None:
    first, second = checked(cli, write(cli, "sum.md", SUM), write(cli, "pair.md", CALLS))
    assert first == {
        "file": "sum.md",
        "title": "Sum",
        "kind": "stdin",
        "examples": [{"input": "3 4\n", "output": "7\n", "converted": False}],
        "time_limit": 2.0,
        "memory_limit": None,
        "comparison": "whitespace",
        "statement": SUM.strip(),
        "doubts": [],
    }
    assert (second["kind"], second["examples"]) == (
        "function",
        [{"input": "2 7\n7\n", "output": "1\n", "converted": True}],
    )


def test_the_text_form_shows_kind_limits_comparison_and_doubts(cli: Cli) -> None:
    text = SUM.replace("Add two numbers.", "Print any of them, with an absolute error of at most 0.001.")
    done = cli("solve", "--check", write(cli, "sum.md", text))
    assert "kind         stdin: a program that reads standard input" in done.stdout
    assert "time limit   2 s per test\n" in done.stdout
    assert "comparison   numbers" in done.stdout
    assert "doubt        the text says 'any of them'" in done.stdout


def test_html_is_read_from_a_file_and_recognised_on_standard_input(cli: Cli) -> None:
    wanted = [{"input": "3\n4\n", "output": "7\n", "converted": False}]
    assert checked(cli, write(cli, "sum.html", PAGE))[0]["examples"] == wanted
    assert checked(cli, "-", stdin=PAGE)[0] | {"examples": wanted} == checked(cli, "-", stdin=PAGE)[0]


def test_several_problems_in_a_file_are_listed_and_chosen_with_index(cli: Cli) -> None:
    name = write(cli, "two.md", TWO.replace("# One", "# Two", 1))
    listed = checked(cli, name)
    assert [each["title"] for each in listed] == ["Two", "One"]
    assert listed[0]["doubts"] == ["two.md holds 2 problems: choose with --index"]
    assert [(each["title"], each["doubts"]) for each in checked(cli, name, "--index", "1")] == [("One", [])]
    refused = cli("solve", name)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "two.md holds 2 problems: 0 Two, 1 One (choose with --index 0 or --index 0-1)" in refused.stderr
    assert cli("solve", name, "--check", "--index", "2").returncode == 2


def test_a_file_that_cannot_be_read_does_not_hide_the_others(cli: Cli) -> None:
    done = cli("solve", "--check", "--json", "gone.md", write(cli, "sum.md", SUM))
    assert done.returncode == 2
    assert [each["file"] for each in json.loads(done.stdout)] == ["sum.md"]
    assert done.stderr == "error: gone.md does not exist (check the path)\n"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("# 求和\n\n输入两个整数。\n\n## 样例输入\n".encode("gbk"), "looks like GBK"),
        (SUM.encode("utf-16-le"), "looks like UTF-16 without a byte order mark"),
        (b"%PDF-1.4 \xe2", "is a PDF"),
        (b"<div>" * 20_000, "nested 20000 deep"),
        (b"<script>1</script>", "has no statement"),
        (b"x" * 16_100_000, "larger than 16 MB"),
    ],
    ids=["gbk", "utf-16", "pdf", "deep", "script", "large"],
)
def test_what_cannot_be_read_is_refused_in_one_line(cli: Cli, content: bytes, what: str) -> None:
    done = cli("solve", write(cli, "p.html", content))
    assert (done.returncode, done.stdout) == (2, "")
    assert what in done.stderr
    assert done.stderr.count("\n") == 1


def test_solve_says_its_doubts_before_it_samples(cli: Cli) -> None:
    name = write(cli, "sum.md", "# Sum\n\nAdd two numbers.\n\n## Example\n\n```\n3 4\n```\n\n```\n7\n```\n")
    with serving(lambda number, request: completion(program("print(7)"))) as server:
        cli.configure_endpoint(server.url, "retries = 0")
        roles = ["--coder", f"openai:m@{server.url}", "--tester", f"openai:m@{server.url}", "-n", "1", "-m", "0"]
        done = cli("solve", name, *roles)
    assert done.stderr.startswith("warning: sum.md: a block below 'Example' is labelled neither input nor output\n")
    assert done.stdout == "print(7)\n"


def test_closed_standard_input_is_told_in_one_line(cli: Cli) -> None:
    command = f'exec "{sys.executable}" -m cure_tui solve --check - <&-'
    done = subprocess.run(
        ["sh", "-c", command], cwd=cli.folder, env=cli.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "error: standard input is closed (give a file, or pipe a statement in)\n"


def test_a_hundred_files_are_checked_in_three_seconds(cli: Cli) -> None:
    files = [str(path) for path in sorted(FAMILIES.glob("*/*")) if path.suffix in (".md", ".html")][:100]
    assert len(files) == 100
    started = _children_cpu()
    assert len(checked(cli, *files)) >= 100
    assert _children_cpu() - started < 3.0


def _children_cpu() -> float:
    """Return the CPU seconds of ended child processes: a busy machine changes the wall clock alone."""

    times = os.times()
    return times.children_user + times.children_system


@pytest.mark.timeout(180)
def test_a_fifo_is_waited_for_only_if_someone_writes_into_it(tmp_path: Path) -> None:
    fifo = str(tmp_path / "problem.md")
    os.mkfifo(fifo)
    with pytest.raises(DataError, match="holds no problem"):
        read_source(fifo, None)
    reader, writer = os.pipe()  # as the shell's <(command) has it
    timer = threading.Timer(0.2, lambda: (os.write(writer, b"# Sum\nPrint the sum.\n"), os.close(writer)))
    timer.start()
    try:
        (problem,) = read_source(f"/dev/fd/{reader}", None)
    finally:
        timer.join()
        os.close(reader)
    assert problem.read.title == "Sum"
