"""Statements made to hurt: each is read or refused in one line, in bounded time."""

from __future__ import annotations

import contextlib
import time

import pytest

from engine.errors import DataError
from engine.problems.statement import read_statements
from engine.problems.statement.html_tree import looks_like_html

SAMPLE = "<p>Print n.</p><h3>Sample Input</h3><pre>1</pre><h3>Sample Output</h3><pre>2</pre>"
DEEP = 10_000
MANY = 100_000
SECONDS = 20.0
"""Generous: the slowest takes 2 s on a machine with nothing else to do."""


@pytest.mark.parametrize("opening", ["<div>", "<ul><li>", "<dl>", "<table><tr><td>", "<span>", "<section><p>"])
@pytest.mark.parametrize("name", ["p.html", "p.md"])
def test_tags_nested_ten_thousand_deep_are_read(opening: str, name: str) -> None:
    closing = "".join(f"</{tag}" for tag in reversed(opening.split("<")[1:]))
    depth = DEEP // opening.count("<")
    (statement,) = read_statements(opening * depth + SAMPLE + closing * depth, name)
    assert [(each.input, each.output) for each in statement.problem.public] == [("1\n", "2\n")]


def test_a_page_of_five_megabytes_is_read_where_the_problem_is_marked() -> None:
    page = f'<div class="problem-statement">{SAMPLE}</div>' + "<div><p>A <b>comment</b> &lt; 3</p></div>\n" * 120_000
    assert len(page) > 5_000_000
    started = time.process_time()
    (statement,) = read_statements(page, "p.html")
    assert [(each.input, each.output) for each in statement.problem.public] == [("1\n", "2\n")]
    assert "comment" not in statement.problem.statement
    assert time.process_time() - started < SECONDS


def test_entities_that_refer_to_one_another_expand_to_nothing() -> None:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    page = f'<!DOCTYPE html [<!ENTITY a0 "ha">{entities}]><html>{SAMPLE}<p>&a11;</p></html>'
    (statement,) = read_statements(page, "p.html")
    assert len(statement.problem.statement) < 2000


@pytest.mark.parametrize(
    "piece",
    [
        "<a",
        "<!--",
        '<a b="',
        "</a ",
        "<![",
        "&#x",
        "<b>",
        "<p><font size=1>",
        "<script>",
        "<pre>",
        "<table>",
        "<tr>",
        "<div>",
    ],
)
def test_html_of_one_piece_ends_soon(piece: str) -> None:
    started = time.process_time()
    with contextlib.suppress(DataError):
        read_statements(SAMPLE + piece * MANY, "p.html")
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize(
    "piece",
    [
        "*a ",
        "_",
        "[",
        "![",
        "`",
        "> ",
        "- ",
        "<",
        "<pre",
        "<pre>\n",
        "Input: ",
        "Input: 3\n",
        "| a | b |\n",
        "|a|\n|---|\n",
        "a\n",
    ],
)
def test_markdown_of_one_piece_ends_soon(piece: str) -> None:
    started = time.process_time()
    with contextlib.suppress(DataError):
        read_statements("Print n.\n\n" + piece * (MANY // len(piece)), "p.md")
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("part", ["9", "1/", "(", "1 s"])
def test_front_matter_of_any_length_is_read_at_once(part: str) -> None:
    value = part * 50_000
    started = time.process_time()
    (statement,) = read_statements(f"---\ntime: {value}\nmemory: {value}\n---\nPrint n.")
    assert statement.problem.statement == "Print n."
    assert time.process_time() - started < SECONDS / 4


def test_lines_without_an_end_of_front_matter_near_by_are_none() -> None:
    text = "---\n" + "time: x\n" * 20_000 + "---\nPrint n."
    (statement,) = read_statements(text)
    assert statement.problem.time_limit == 1.0
    assert "Print n." in statement.problem.statement


def test_a_page_of_a_hundred_thousand_cells_is_refused() -> None:
    with pytest.raises(DataError, match="more than 100,000 elements"):
        read_statements("<table>" + "<tr><td>1<td>2" * 60_000, "p.html")


@pytest.mark.parametrize("part", ["9", "1 2 3 ", "x", "1(", "1["])
def test_a_value_of_any_length_is_read_at_once(part: str) -> None:
    value = part * (60_000 // len(part))
    started = time.process_time()
    read_statements(f"Print n.\n\n**Input:** {value}\n\n**Output:** {value}\n")
    assert time.process_time() - started < SECONDS / 2


@pytest.mark.parametrize("part", ["<pre>", "<pre><script><style>", "<pre></pre>", "</pre><pre>"])
def test_code_that_nothing_closes_takes_no_time(part: str) -> None:
    started = time.process_time()
    assert looks_like_html("<p>Print n.</p>\n" + part * (20_000 // len(part)))
    assert time.process_time() - started < 1


@pytest.mark.parametrize("head", ["", "---\ntitle: A\n---\n"])
@pytest.mark.parametrize("part", ["<!-- problem:start -->\n", "<!---->", "<!-- --> \n\t", "<!-- <html -->"])
def test_any_number_of_comments_before_a_statement_takes_no_time(part: str, head: str) -> None:
    started = time.process_time()
    (statement,) = read_statements(f"{head}{part * (20_000 // len(part))}\n# Sum\n\nPrint the sum.\n")
    assert "Print the sum." in statement.problem.statement
    assert not looks_like_html(part * 3 + "# Sum")
    assert looks_like_html(part * 3 + "<!DOCTYPE html>")
    assert time.process_time() - started < SECONDS / 2


@pytest.mark.parametrize("mark", ["_", "*", "** ", "*a* ", "__x__ "])
def test_a_value_of_marks_alone_is_read_at_once(mark: str) -> None:
    started = time.process_time()
    with contextlib.suppress(DataError):
        read_statements(f"Print n.\n\n**Input:** {mark * (60_000 // len(mark))}\n\n**Output:** 1\n")
    assert time.process_time() - started < SECONDS / 2
