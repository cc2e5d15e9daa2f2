"""`cure-tui eval table` and `eval compare`, as a user runs them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.cells import cell_len

from engine.evaluation.report import Report
from tests.cure_tui.command_line import Cli
from tests.cure_tui.runs.evaluations.reports import mixed_report, report, store
from tests.left_on_screen import left_on_screen

_CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
BEFORE, AFTER = report("before", 0.0, seed=1), report("after", 0.8, seed=2)
MBPP = report("mine", 1.0, data="mbpp", tasks=60, as_published=True, seed=3)
MIXED = mixed_report("mixed")


@pytest.fixture
def stored(cli: Cli) -> Cli:
    store(Path(cli.environment["CURE_TUI_HOME"]), BEFORE, AFTER, MBPP, MIXED)
    return cli


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    "command",
    [
        ("table", "before"),
        ("table", "before", "after"),
        ("table", "mine", "mixed", "--paper", "--all"),
        ("compare", "before", "after"),
    ],
    ids=" ".join,
)
def test_tables_on_a_terminal_are_no_wider_than_it_and_in_no_colours(
    stored: Cli, width: int, command: tuple[str, ...]
) -> None:
    left = left_on_screen(
        [sys.executable, "-m", "cure_tui", "eval", *command],
        environment={**stored.environment, "NO_COLOR": "1"},
        folder=stored.folder,
        size=(width, 200),
    )
    assert left.status == 0
    assert b"\x1b" not in left.raw
    printed = left.raw.decode().splitlines()
    assert max(map(cell_len, printed)) <= width
    assert max(map(cell_len, printed)) > width // 2


def test_without_unicode_tables_are_ascii(stored: Cli) -> None:
    for command in (("table", "mine", "--paper"), ("compare", "before", "after")):
        process = subprocess.run(
            [sys.executable, "-m", "cure_tui", "eval", *command],
            cwd=stored.folder,
            env={**stored.environment, "LC_ALL": "C", "COLUMNS": "80"},
            capture_output=True,
            timeout=120,
        )
        assert process.returncode == 0, process.stderr
        assert process.stdout.isascii()
        assert max(map(len, process.stdout.splitlines())) <= 80


def test_own_and_published_rows_stand_side_by_side(stored: Cli) -> None:
    shown = stored("eval", "table", "mine", "--paper").stdout
    assert re.search(r"mine +honest +[\d.]+ ± [\d.]+", shown)
    assert re.search(r"mine +cure +[\d.]+ ", shown)
    assert re.search(r"ReasonFlux-Coder-7B +published +70.2 +79.4 +- +84.6", shown)


def test_json_has_evaluations_protocols_and_published_rows_without_the_rows_of_tasks(stored: Cli) -> None:
    found = json.loads(stored("eval", "table", "mine", "before", "--paper", "--json").stdout)
    assert [each["name"] for each in found["evaluations"]] == ["mine", "before"]
    assert found["evaluations"][0]["tasks"] == 60
    assert found["evaluations"][0]["totals"]["figures"]["code"]["mean"] == MBPP.totals.figures["code"].mean
    assert "rows" not in found["evaluations"][0]
    assert found["published"]["mbpp"][0]["model"] == "Qwen2.5-7B"
    assert len(found["protocols"]) == 2


def test_markdown_is_a_document_of_tables(stored: Cli) -> None:
    lines = stored("eval", "table", "before", "after", "--markdown").stdout.splitlines()
    assert lines[0] == "# Evaluations: nano"
    table = [line for line in lines if line.startswith("| ")]
    columns = "| evaluation | protocol | code | UT | BoN(4, 4) | BoN(16, 16) | consensus(16, 16) | any correct |"
    assert table[0].startswith(columns)
    assert any(line.startswith("| pass@8 | ") for line in table)


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]


def page_of(cli: Cli, *arguments: str) -> tuple[Path, _Page]:
    file = cli.folder / "page.html"
    finished = cli("eval", *arguments, "--html", str(file))
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout == ""
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return file, page


def test_html_is_one_file_with_curves_that_loads_nothing(stored: Cli) -> None:
    file, page = page_of(stored, "table", "before", "after", "mine", "--paper")
    assert page.tags.count("svg") == 5  # a chart each, and two of all evaluations of a set
    assert len(set(page.ids)) == len(page.ids) == 5
    assert page.addresses == []
    assert "script" not in page.tags
    again, _ = page_of(stored, "table", "before", "after", "mine", "--paper")
    assert again.read_text() == file.read_text()


@pytest.mark.skipif(_CHROMIUM is None, reason="chromium is not installed")
def test_html_is_drawn_by_a_browser(stored: Cli) -> None:
    file, _ = page_of(stored, "table", "mine", "mixed", "--paper")
    picture = stored.folder / "page.png"
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--window-size=1300,2400", f"--screenshot={picture}"]
    subprocess.run([str(_CHROMIUM), *options, file.as_uri()], capture_output=True, timeout=120, check=True)
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 50_000  # text, tables and lines: an empty page takes a tenth


def test_a_name_is_text_in_html_and_on_a_terminal(cli: Cli) -> None:
    evil = report("<script>\x1b[2J", 0.0, tasks=3)
    file = cli.folder / "report.json"
    file.write_text(evil.to_json(), encoding="utf-8")
    assert "\x1b" not in cli("eval", "table", str(file)).stdout
    _, page = page_of(cli, "table", str(file))
    assert "script" not in page.tags


def test_a_comparison_names_flipped_tasks_and_what_it_can_show(stored: Cli) -> None:
    shown = stored("eval", "compare", "before", "after").stdout
    assert re.search(r"code accuracy +[\d.]+ +[\d.]+ +\+[\d.]+ +\[\+[\d.]+, \+[\d.]+\]", shown)
    assert "can show" in shown
    assert re.search(r"Tasks that flipped, by BoN\(16, 16\): \d+ gained, \d+ lost", shown)
    assert re.search(r"nano/\d+ +gained", shown)
    [found] = json.loads(stored("eval", "compare", "before", "after", "--json").stdout)
    assert set(found["gained"]) & {row.task for row in BEFORE.rows}


def test_several_sets_are_paired_by_set_and_adjusted(cli: Cli) -> None:
    pairs = [
        report(f"{when}-{data}", skill, data=data)
        for when, skill in (("a", 0.0), ("b", 0.5))
        for data in ("nano", "mbpp")
    ]
    store(Path(cli.environment["CURE_TUI_HOME"]), *pairs)
    shown = cli("eval", "compare", *(each.name for each in pairs)).stdout
    assert shown.count("p (Holm)") == 2
    assert "adjusted for 2 sets by Holm" in shown


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("table", "nothing"), 6, "there is no evaluation 'nothing'"),
        (("table", "./nothing"), 6, "is no evaluation"),
        (("table", "m"), 6, "matches 2"),
        (("table", "before", "--json", "--markdown"), 2, "exclude each other"),
        (("table", "before", "--cutoff", "May"), 2, "'May' is no date"),
        (("table", "before", "--html", "/dev/null/page.html"), 6, "cannot write /dev/null/page.html"),
        (("compare", "before", "before"), 2, "two different evaluations"),
        (("compare", "before", "mine"), 2, "not over the same tasks"),
        (("compare", "before", "after", "mine"), 2, "takes two evaluations of each set, not 1 of mbpp"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_shown_is_one_line_with_its_remedy(
    stored: Cli, arguments: tuple[str, ...], status: int, said: str
) -> None:
    finished = stored("eval", *arguments)
    assert finished.returncode == status
    assert said in finished.stderr
    assert finished.stderr.startswith("error: ")
    assert finished.stderr.count("\n") == 1
    assert finished.stdout == ""


def test_a_report_that_is_none_is_an_error_and_one_that_is_missing_says_how_to_go_on(stored: Cli) -> None:
    broken = stored.folder / "broken.json"
    broken.write_text("[]")
    assert "is no report of an evaluation" in stored("eval", "table", str(broken)).stderr
    home = Path(stored.environment["CURE_TUI_HOME"])
    os.remove(home / "evaluations" / "mine" / "report.json")
    assert (
        "mine has no report yet (go on with it: cure-tui eval --resume mine)" in stored("eval", "table", "mine").stderr
    )


def test_a_report_is_found_by_a_part_of_its_name_by_folder_and_by_file(stored: Cli) -> None:
    folder = Path(stored.environment["CURE_TUI_HOME"]) / "evaluations" / "before"
    shown = [stored("eval", "table", given).stdout for given in ("befo", str(folder), str(folder / "report.json"))]
    assert shown[0].startswith("nano: 40 tasks")
    assert len(set(shown)) == 1
    assert Report.from_json((folder / "report.json").read_bytes()) == BEFORE
