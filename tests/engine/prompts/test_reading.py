"""Kind reading: what careless models mean, marked; nothing misread; strict where the form is learnt."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prompts import Program, Rejected, RejectReason, UnitTest
from engine.prompts.fences import fence
from engine.prompts.reading import Reading, read_program, read_unit_test
from engine.prompts.source_look import look_at

SOLUTION = "import sys\n\ndef solve(n):\n    return n * 2\n\nprint(solve(int(input())))"
BLOCK = f"```python\n{SOLUTION}\n```"
TAG = "n = int(input())\nprint('</think>' * n)"
DOCSTRING = 'def main():\n    """\n```\n4\n```\n    """\n    print(input())\n\nmain()'


def source(answer: str, **how: bool) -> str | None:
    found = read_program(answer, **how)
    return found.source if isinstance(found, Program) else None


@pytest.mark.parametrize(
    "demonstration",
    [
        "print(solve(3))",
        "assert solve(3) == 6\nprint(solve(0))",
        ">>> solve(3)\n6",
        "import io\nsys.stdin = io.StringIO('3')\nprint(solve(int(input())))",
        "from solution import solve\nprint(solve(3))",
        "n = int(input())",
        "solve(3)  # 6",
        "subprocess.run(['python3', 'main.py'])",
    ],
)
def test_a_demonstration_behind_the_solution_is_not_the_solution(demonstration: str) -> None:
    answer = f"{BLOCK}\n\nUsage:\n\n```python\n{demonstration}\n```\n"
    assert source(answer) == SOLUTION
    assert read_program(f"First read:\n```python\nn = int(input())\n```\n{BLOCK}\nDone.") == Program(SOLUTION)


def test_a_corrected_program_replaces_the_draft_before_it() -> None:
    corrected = SOLUTION.replace("* 2", "* 3")
    assert source(f"{BLOCK}\nWait, three times:\n```python\n{corrected}\n```") == corrected
    assert source(f"{BLOCK}\nShorter:\n```python\nprint((\n```") == SOLUTION


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (f"{BLOCK} This is O(1).", SOLUTION),
        (f"{BLOCK}<|im_end|>", SOLUTION),
        (f"{BLOCK}</s>", SOLUTION),
        (f"Here:\n\n```\n{SOLUTION}\n```", SOLUTION),
        (f"~~~python\n{SOLUTION}\n~~~", SOLUTION),
        (f"```python:main.py\n{SOLUTION}\n```", SOLUTION),
        (f"```main.py\n{SOLUTION}\n```", SOLUTION),
        (f"```{{.python}}\n{SOLUTION}\n```", SOLUTION),
        (f"```Python3.11\n{SOLUTION}\n```", SOLUTION),
        (SOLUTION, SOLUTION),
        (f"{SOLUTION}\n```", SOLUTION),
        (f"Here is my program:\n\n{SOLUTION}", SOLUTION),
        (f"```\npython\n{SOLUTION}\n```", SOLUTION),
        (f"```python\n{SOLUTION}", SOLUTION),
        (f"```python\n{SOLUTION}\n```text\n6\n```", SOLUTION),
        ("```python\n    print(input())\n    ```", "print(input())"),
        ("- ```python\n  print(input())\n  ```", "print(input())"),
        ("```python print(input())```", "print(input())"),
        (f"```python\n{DOCSTRING}\n```\nDone.", DOCSTRING),
        (f"```python\n{DOCSTRING.replace('```', '```python', 1)}\n```", DOCSTRING.replace("```", "```python", 1)),
        (f"```python\n{TAG}\n```", TAG),
        (f"```python\n{TAG}\n```\nUsage:\n```python\nmain()\n```", TAG),
        (f"<think>hm</think>\n```python\n{TAG}\n```", TAG),
    ],
)
def test_a_program_in_another_form_is_recovered_and_marked(answer: str, expected: str) -> None:
    found = read_program(answer)
    assert found == Program(expected)
    assert isinstance(found, Program)
    assert found.recovered


@pytest.mark.parametrize(
    "answer",
    [
        BLOCK,
        f"Think.\n{BLOCK}\nDone.",
        f"{BLOCK}\nIt prints:\n```\n6\n```",
        f"{BLOCK}\n<|im_end|>\n<|endoftext|>",
        f"<thinking>```python\nprint(input(1))\n```</thinking>\n{BLOCK}",
    ],
)
def test_the_asked_form_is_not_marked(answer: str) -> None:
    found = read_program(answer)
    assert isinstance(found, Program)
    assert (found.source, found.recovered) == (SOLUTION, False)


@pytest.mark.parametrize(
    "answer", ["", "hello", "I do not know.", "```\n5\n```", "```\nYES\n```", "```js\nprint(1)\n```"]
)
def test_what_is_no_program_is_none(answer: str) -> None:
    assert read_program(answer) == Rejected(RejectReason.NO_BLOCK)


def test_a_block_that_the_limit_cut_off_is_not_a_program() -> None:
    cut = f"```python\n{SOLUTION}"
    assert read_program(cut, finished=False) == Rejected(RejectReason.UNCLOSED_BLOCK)
    assert source(f"{BLOCK}\nIn other words:\n```python\nprint(int(inp", finished=False) == SOLUTION
    assert read_program(SOLUTION, finished=False) == Rejected(RejectReason.NO_BLOCK)


def test_a_thought_that_the_prompt_has_opened_and_nothing_ended_is_no_answer() -> None:
    for text in (BLOCK, f"I would write {BLOCK} but", ""):
        for reading in Reading:
            unfinished = Rejected(RejectReason.UNFINISHED_THOUGHT)
            assert read_program(text, reading, in_thought=True) == unfinished
            assert read_unit_test(text, reading, in_thought=True) == unfinished
    assert source(f"draft ```python\nprint(input(1))\n```\n</think>\n{BLOCK}", in_thought=True) == SOLUTION


@pytest.mark.parametrize(
    ("opening", "closing"),
    [("<think>", "</think>"), ("[THINK]", "[/THINK]"), ("<reasoning>", "</reasoning>"), ("<Thought>", "</Thought>")],
)
@pytest.mark.parametrize("reading", Reading)
def test_a_draft_in_a_thought_of_any_name_is_no_answer(reading: Reading, opening: str, closing: str) -> None:
    draft, final = "```python\nprint(input(1))\n```\n", f"\n{BLOCK}"
    for opened, in_thought in ((opening, False), ("", True)):
        cut = read_program(f"{opened}{draft}", reading, in_thought=in_thought, finished=False)
        assert cut == Rejected(RejectReason.UNFINISHED_THOUGHT)
        empty = read_program(f"{opened}{draft}{closing}I cannot.", reading, in_thought=in_thought)
        assert empty == Rejected(RejectReason.NO_BLOCK)
        whole = read_program(f"{opened}{draft}{closing}{final}", reading, in_thought=in_thought)
        assert isinstance(whole, Program)
        assert whole.source == SOLUTION


# --- tests ---

EXPECTED = UnitTest("3\n1 2 3", "6")


def values(answer: str, **how: bool) -> tuple[str, str] | RejectReason:
    found = read_unit_test(answer, **how)
    return (found.input, found.output) if isinstance(found, UnitTest) else found.reason


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("**Test Input**:", "**Test Output**:"),
        ("### Test Input", "### Test Output"),
        ("### Test Input:", "### Expected Output:"),
        ("#### **Test Input**", "#### **Test Output**"),
        ("**Test Input 1:**", "**Test Output 1:**"),
        ("**Test Case Input:**", "**Expected Output:**"),
        ("**Test Input:**", "**Expected Output:**"),
        ("**Test Input (stdin):**", "**Test Output (stdout):**"),
        ("**Input:**", "**Output:**"),
        ("- **Input**:", "- **Expected output**:"),
        ("Test Input:", "Test Output:"),
        ("Input:", "Expected Output:"),
        ("__Test Input:__", "__Test Output:__"),
        ("**Test Input：**", "**Test Output：**"),
        ("**Test Input:**", "**Expected Result:**"),
    ],
)
def test_labels_in_another_form_are_understood_and_marked(first: str, second: str) -> None:
    found = read_unit_test(f"So:\n\n{first}\n```\n3\n1 2 3\n```\n\n{second}\n```\n6\n```\n")
    assert found == EXPECTED
    assert isinstance(found, UnitTest)
    assert found.recovered


IN, OUT = "**Test Input:**\n```\n3\n```\n", "**Test Output:**\n```\n6\n```\n"


@pytest.mark.parametrize(
    "answer",
    [
        "**Test Input:** `3`\n**Test Output:** `6`\n**Explanation:** why",
        "**Test Input:**\n`3`\n\n**Test Output:**\n`6`\n",
        "**Test Input:** ```3```\n**Test Output:** ```6```",
        "**Test Input:**\n```3```\n**Test Output:**\n```6```",
        f"**Test Input:**\nThe layout is\n```\nN\n```\nso:\n```\n3\n```\n{OUT}",
        f"{IN}**Test Output:**\nWe add:\n```\n1+2+3\n```\nhence:\n```\n6\n```\n",
        f"{IN}**Test Output:**\n```\n5\n```\nWait, the correct output is\n```\n6\n```\n",
        f"{IN}**Test Output:**\n```\n5\n```\n**Explanation:** hm\n**Corrected Test Output:**\n```\n6\n```\n",
        f"{IN}**Test Output:**\n```\n5\n```\n**Explanation:** 3 doubled. Wait, it should be\n```\n6\n```\n",
        f"{IN}{OUT}A buggy program would print\n```\n9\n```\n",
        f"{IN}{OUT}**Explanation:** A wrong program prints\n```\n9\n```\n",
        f"{IN}{OUT}It catches this program:\n```python\nprint(9)\n```\n",
        f"**Input:**\n```\n1\n```\n**Output:**\n```\n2\n```\nThat was the example.\n{IN}{OUT}",
        '```json\n{"input": "3", "expected_output": "6"}\n```',
        '{"test_input": "3", "test_output": 6, "explanation": "why"}',
        '```json\n{"tests": [{"input": "1", "output": "2"}, {"input": "3", "output": "6"}]}\n```',
        f"{IN}{OUT.rstrip()}<|im_end|>",
        f"{IN}**Test Output:**\n```\n6",
    ],
)
def test_values_in_another_form_are_understood(answer: str) -> None:
    assert values(answer) == ("3", "6")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("**Test Input:**\n3\n**Test Output:**\n6\n", RejectReason.NO_INPUT),
        ("**Test Input:** `3\\n1 2`\n**Test Output:** `3`", RejectReason.NO_INPUT),
        ("**Input format:**\n```\nn\n```\n**Output format:**\n```\nx\n```", RejectReason.NO_INPUT),
        (f"{IN}{OUT}Because:\n```\n3 + 3\n```", RejectReason.AMBIGUOUS),
        (f"{IN}where\n```\nN\n```\n{OUT}", RejectReason.AMBIGUOUS),
        (f"{IN}{OUT}**Explanation:** The correct output is 7.", RejectReason.AMBIGUOUS),
        (f"{IN}{OUT}**Explanation:** Actually a buggy program prints\n```\n9\n```", RejectReason.AMBIGUOUS),
        (f"{IN}{OUT.replace('6', ' ')}", RejectReason.EMPTY_OUTPUT),
        ('{"input": [1, 2], "output": "3"}', RejectReason.NO_INPUT),
    ],
)
def test_a_test_that_might_be_misread_is_rejected(answer: str, reason: RejectReason) -> None:
    assert values(answer) is reason


def test_an_output_that_the_limit_cut_off_is_rejected() -> None:
    assert values(f"{IN}**Test Output:**\n```\n6", finished=False) is RejectReason.UNCLOSED_BLOCK


def test_marks_and_hashes_inside_a_value_are_no_labels() -> None:
    maze = "### .#\n# Output: 5\nInput:\n**bold**"
    answer = f"### Test Input\n{fence(maze)}\n### Test Output\n```\n6\n```"
    assert values(answer) == (maze, "6")


def test_strict_reading_stays_with_the_asked_form() -> None:
    assert read_program(SOLUTION, Reading.STRICT) == Rejected(RejectReason.NO_BLOCK)
    assert read_unit_test("### Test Input\n```\n1\n```\n### Test Output\n```\n2\n```", Reading.STRICT) == Rejected(
        RejectReason.NO_INPUT
    )


# --- any text ---

lines = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n"), max_size=12)
contents = st.lists(lines, max_size=5).map("\n".join).filter(lambda text: not text.endswith("\n"))
marks = ["```", "````", "~~~", "```python", "**Test Input:**", "### Test Output", "Output:", "<think>", "</think>", "`"]
scraps = st.lists(st.sampled_from([*marks, "\n", " ", "x", ":", "*", "print(1)"]) | lines, max_size=40).map("".join)


@given(contents, contents.filter(str.strip), scraps)
def test_any_contents_survive_the_form_behind_any_scraps(test_input: str, output: str, before: str) -> None:
    form = f"**Test Input:**\n{fence(test_input)}\n\n**Test Output:**\n{fence(output)}\n\n**Explanation:**\nso\n"
    assert read_unit_test(f"{before}</think>\n{form}") == UnitTest(test_input, output, "so")


@given(scraps)
def test_no_text_breaks_the_kind_reading(text: str) -> None:
    for in_thought in (False, True):
        program, test = read_program(text, in_thought=in_thought), read_unit_test(text, in_thought=in_thought)
        assert isinstance(program, Rejected) or program.source.strip()
        assert isinstance(test, Rejected) or test.output.strip()


@pytest.mark.timeout(180)  # each takes about a second; anything quadratic takes hours
@pytest.mark.parametrize(
    "unit",
    [
        "`", "```", "```\n", "```python\n", "```python\nx\n```\n", "~~~", ":```", ":", "- ", "**Test Input:**",
        "**Test Input:**\n", "**Test Input:**\n```\n1\n```\n", "### Output\n", "# ", "*", "\n", " ", "\t```", "<think>",
        "</think>", "**", "Input: `1`\n", "<|im_end|>", "(", "{", "[", "```python\nprint('</think>')\n```\n", "buggy ",
        "correct output is ", "the ", "Test Input (", "`x` ", "- 1. ",
    ],
    ids=ascii,
)  # fmt: skip
def test_half_a_megabyte_of_anything_takes_linear_time(unit: str) -> None:
    text = unit * (500_000 // len(unit))
    for answer in (text, "```python\n" + text, "**Test Input:**\n```\n1\n```\n**Test Output:**\n```\n1\n```\n" + text):
        read_program(answer)
        read_unit_test(answer)


# --- the look at a source ---


@pytest.mark.parametrize(
    ("program", "reads"),
    [
        ("print(int(input()))", True),
        ("import sys\nprint(sys.stdin.read())", True),
        ("from sys import stdin as s\nprint(s.read())", True),
        ("print(open(0).read())", True),
        ("import os\nprint(os.read(0, 9))", True),
        ("exec('print(input())')", True),
        ("print(8)", False),
        ("def solve(n):\n    return n * 2\nprint(solve(4))", False),
        ("input = lambda: '4'\nprint(int(input()) * 2)", False),
        ("# input()\nprint('input()')", False),
    ],
)
def test_a_source_shows_whether_it_reads(program: str, reads: bool) -> None:
    look = look_at(program)
    assert look is not None
    assert look.reads is reads


def test_a_name_of_thousands_of_parts_is_not_parsed() -> None:
    started = time.process_time()
    assert look_at("import a" + ".a" * 45_000) is None
    assert look_at("x" * 90_000 + " = 1") is not None
    assert time.process_time() - started < 1


def test_a_block_of_a_megabyte_with_many_fences_is_read_at_once() -> None:
    line = "   x = [1,\n" * 4000 + "        ```\n"  # too far to the right to end the block, unless it compiles
    started = time.process_time()
    read_program("```python\n" + line * 30 + "```\n")
    assert time.process_time() - started < 1
