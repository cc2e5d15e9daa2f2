"""Parsing of answers: the part that counts, tolerated errors, reject reasons."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prompts import Program, Rejected, RejectReason, UnitTest, parse_program, parse_unit_test
from engine.prompts.answers import MAX_CHARACTERS
from engine.prompts.fences import fence


def form(test_input: str, test_output: str, explanation: str = "because") -> str:
    return (
        f"**Test Input:**\n{fence(test_input)}\n\n**Test Output:**\n{fence(test_output)}\n\n"
        f"**Explanation:**\n{explanation}\n"
    )


# --- programs ---


@pytest.mark.parametrize("tag", ["python", "Python", "PYTHON", "py", "python3", " python", "python title=a.py"])
def test_a_python_block_is_the_program(tag: str) -> None:
    assert parse_program(f"Thinking.\n\n```{tag}\na = 1\n\nprint(a)\n```\nDone.") == Program("a = 1\n\nprint(a)")


@pytest.mark.parametrize(
    "answer",
    [
        "```python\nold\n```\n```python\nnew\n```",
        "```python\nold\n```\n```python\nnew\n```\n```\noutput\n```\n```js\nno\n```",
        "```\nleft open\n```python\nnew\n```",
        "```python\nleft open\n```python\nnew\n```",
        "````python\nnew\n````",
        "```python\r\nnew\r\n```\r\n",
        "Here it is: ```python\nnew\n```",
        "**Code:** ```python\nnew\n```",
        "1. First\n\n    ```python\n    new\n    ```",
        "Put it in ```python\n\n```python\nnew\n```",
        "Use `x`, not ```y```.\n```python\nnew\n```  ",
        "<think>\n```python\nold\n```\n</think>\n```python\nnew\n```",
        "thought\n```python\nleft open\n</think>\n```python\nnew\n```",
    ],
)
def test_the_last_python_block_counts(answer: str) -> None:
    assert parse_program(answer) == Program("new")


def test_indentation_within_a_listed_block_survives() -> None:
    answer = "- so:\n  ```python\n  if x:\n      y()\n\n  z()\n  ```"
    assert parse_program(answer) == Program("if x:\n    y()\n\nz()")


def test_fences_inside_a_docstring_or_a_longer_fence_are_content() -> None:
    docstring = 'def f():\n    """\n    ```python\n    f()\n    ```\n    """'
    assert parse_program(f"```python\n{docstring}\n```") == Program(docstring)
    assert parse_program("````python\n'''\n```\n'''\n````") == Program("'''\n```\n'''")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", RejectReason.NO_BLOCK),
        ("print(1)", RejectReason.NO_BLOCK),
        ("```\nprint(1)\n```", RejectReason.NO_BLOCK),
        ("```python print(1)```", RejectReason.NO_BLOCK),
        ("```python\nprint(1)\n```\n</think>\nnothing", RejectReason.NO_BLOCK),
        ("```python\nprint(1)", RejectReason.UNCLOSED_BLOCK),
        ("```python\na\n```\n```python\nb", RejectReason.UNCLOSED_BLOCK),
        ("````python\na\n```", RejectReason.UNCLOSED_BLOCK),
        ("```python\n```", RejectReason.EMPTY_PROGRAM),
        ("```python\na\n```\n```py\n \n\t\n```", RejectReason.EMPTY_PROGRAM),
        ("<think>\n```python\na\n```", RejectReason.UNFINISHED_THOUGHT),
        (f"```python\n{'#' * (MAX_CHARACTERS + 1)}\n```", RejectReason.TOO_LARGE),
    ],
)
def test_an_answer_without_a_program_says_why(answer: str, reason: RejectReason) -> None:
    assert parse_program(answer) == Rejected(reason)


# --- unit tests ---

NEW = UnitTest("1 2\n\n3", "6", "because")


@pytest.mark.parametrize(
    "answer",
    [
        form("1 2\n\n3", "6"),
        form("9", "9", "first try") + "No, better:\n\n" + form("1 2\n\n3", "6"),
        form("1 2\n\n3", "6").replace("\n", "\r\n"),
        form("1 2\n\n3", "6").replace("```\n1", "```text\n1"),
        form("1 2\n\n3", "6").replace("```", "`````"),
        form("1 2\n\n3", "6").replace("**\n```", "** ```"),
        form("1 2\n\n3", "6").replace("**Test Input", "So my test is **Test Input"),
        form("1 2\n\n3", "6").replace("Input:**", "Input:** what the program reads"),
        form("1 2\n\n3", "6").replace("Test ", "test "),
        "```markdown\n" + form("1 2\n\n3", "6"),
        "```python\nleft open\n" + form("1 2\n\n3", "6"),
        "<think>" + form("9", "9") + "</think>" + form("1 2\n\n3", "6"),
        form("1 2\n\n3", "6") + "\n**Test Input:**\n```\nnever finished",
        "**Test Input:**\n```\nleft open\n" + form("1 2\n\n3", "6"),
        "I will fill in **Test Input:** and **Test Output:**.\n" + form("1 2\n\n3", "6"),
    ],
)
def test_the_last_complete_form_counts(answer: str) -> None:
    assert parse_unit_test(answer) == NEW


def test_a_label_that_the_explanation_mentions_does_not_displace_the_test() -> None:
    parsed = parse_unit_test(form("1", "2", "The **Test Input:** is minimal."))
    assert isinstance(parsed, UnitTest)
    assert (parsed.input, parsed.output) == ("1", "2")


def test_the_explanation_may_be_missing_or_empty() -> None:
    whole = form("1", "2", "")
    assert parse_unit_test(whole) == UnitTest("1", "2", "")
    assert parse_unit_test(whole.partition("**Explanation")[0]) == UnitTest("1", "2", "")


def test_white_space_in_the_blocks_is_kept_but_the_newlines_of_the_fences() -> None:
    answer = "**Test Input:**\n```\n\n  1 \n\n```\n**Test Output:**\n```\n2 \n```"
    assert parse_unit_test(answer) == UnitTest("\n  1 \n", "2 ", "")


def test_an_empty_input_is_a_test_of_a_program_that_reads_nothing() -> None:
    assert parse_unit_test(form("", "2")) == UnitTest("", "2", "because")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("", RejectReason.NO_INPUT),
        ("**Test Input:** 1\n**Test Output:**\n```\n2\n```", RejectReason.NO_INPUT),
        ("**Test Output:**\n```\n2\n```\n**Explanation:** x", RejectReason.NO_INPUT),
        ("**Test Output:**\n```\n2\n```\n**Test Input:**\n```\n1\n```", RejectReason.NO_OUTPUT),
        ("**Test Input:**\n```\n1\n```\n**Test Output:** 2", RejectReason.NO_OUTPUT),
        ("**Test Input:**\n```\n1\n```\n**Explanation:** x", RejectReason.NO_OUTPUT),
        ("**Test Input:**\n```\n1\n```\n**Test Output:**\n```\n2", RejectReason.UNCLOSED_BLOCK),
        ("**Test Input:**\n```\n1\n**Test Output:**\n```\n2\n```", RejectReason.UNCLOSED_BLOCK),
        ("**Test Input:**\n```\n1", RejectReason.UNCLOSED_BLOCK),
        (form("1", " \n "), RejectReason.EMPTY_OUTPUT),
        (form("1", "2") + form("1", ""), RejectReason.EMPTY_OUTPUT),
        ("<think>" + form("1", "2"), RejectReason.UNFINISHED_THOUGHT),
        (form("1" * (MAX_CHARACTERS + 1), "2"), RejectReason.TOO_LARGE),
        (form("1", "2" * (MAX_CHARACTERS + 1)), RejectReason.TOO_LARGE),
    ],
)
def test_an_answer_without_a_test_says_why(answer: str, reason: RejectReason) -> None:
    assert parse_unit_test(answer) == Rejected(reason)


# --- any text ---

lines = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n"), max_size=12)
contents = st.lists(lines, max_size=5).map("\n".join).filter(lambda text: not text.endswith("\n"))
marks = [
    "```",
    "````",
    "```python",
    "**Test Input:**",
    "**Test Output:**",
    "**Explanation:**",
    "<think>",
    "</think>",
]
scraps = st.lists(st.sampled_from([*marks, "\n", "\r\n", " ", "x", ":", "*", "`"]) | lines, max_size=40).map("".join)


@given(contents, contents.filter(str.strip), scraps)
def test_any_contents_survive_the_form_behind_any_scraps(test_input: str, test_output: str, before: str) -> None:
    parsed = parse_unit_test(f"{before}</think>{form(test_input, test_output)}")
    assert parsed == UnitTest(test_input, test_output, "because")


@given(contents.filter(str.strip), scraps)
def test_any_program_survives_its_block_behind_any_scraps(source: str, before: str) -> None:
    block = fence(source).replace("`\n", "`python\n", 1)
    assert parse_program(f"{before}</think>{block}") == Program(source)


@given(scraps)
def test_no_text_breaks_a_parser(text: str) -> None:
    program, test = parse_program(text), parse_unit_test(text)
    assert isinstance(program, Rejected) or program.source.strip()
    assert isinstance(test, Rejected) or test.output.strip()


MEGABYTE = 1_000_000


@pytest.mark.timeout(180)  # each of these takes well under a second; anything quadratic takes hours
@pytest.mark.parametrize(
    "unit",
    [
        "`",
        "```",
        "```\n",
        "```python\n",
        "```python",
        ":```",
        "**Test Input:**",
        "**Test Input:**\n```\n",
        "**Test Input:**\n```\n1\n```\n",
        "**Test Input:** ```",
        "**Test Input:**\n```\n1\n```\n**Test Output:**\n",
        "*",
        "\n",
        " ",
        "\t```",
        "<think>",
        "</think>",
        "\r\n",
        "**",
    ],
    ids=ascii,
)
def test_a_megabyte_of_anything_takes_linear_time(unit: str) -> None:
    text = unit * (MEGABYTE // len(unit))
    assert isinstance(parse_program(text), Rejected)
    assert isinstance(parse_unit_test(text), Rejected)
    parse_program("```python\n" + text)
    parse_unit_test("**Test Input:**\n```\n" + text)
