"""Statements that were once misread or lost: what is read of each, or the sentence that says what is lost."""

from __future__ import annotations

import pytest

from engine.problems.statement import Statement, read_statements

PROSE = "Add the numbers.\n\n"


def read(text: str, name: str = "p.md") -> Statement:
    (statement,) = read_statements(text, name)
    return statement


def examples(text: str, name: str = "p.md") -> list[tuple[str, str]]:
    return [(example.input, example.output) for example in read(text, name).problem.public]


def html(sample_input: str, sample_output: str = "<pre>7</pre>") -> str:
    return f"<p>Add.</p><h3>Sample Input</h3>{sample_input}<h3>Sample Output</h3>{sample_output}"


@pytest.mark.parametrize(
    ("pre", "data"),
    [
        ("<pre>1<br>2</pre>", "1\n2\n"),
        ("<pre>1<br/>2<br/></pre>", "1\n2\n"),
        ('<pre><div class="test-example-line">1</div><div class="test-example-line">6 3</div></pre>', "1\n6 3\n"),
        ("<pre>1 < 2 and 3 > 2</pre>", "1 < 2 and 3 > 2\n"),
        ("<pre>a<b && c</pre>", "a<b && c\n"),
        ("<pre>vector<int> <n></pre>", "vector<int> <n>\n"),
        ("<pre>a &le; b &#62; c &amp; d</pre>", "a ≤ b > c & d\n"),
        ("<pre>\n  1  2\n\n3\n</pre>", "  1  2\n\n3\n"),
        ("<pre><code>1\n2</code></pre>", "1\n2\n"),
        ("<code>1<br>2</code>", "1\n2\n"),
        ("<p>1<br>2</p>", "1\n2\n"),
    ],
)
def test_html_is_read_as_a_browser_shows_it(pre: str, data: str) -> None:
    assert examples(html(pre), "p.html") == [(data, "7\n")]
    assert examples("# Add\n\n" + html(pre)) == [(data, "7\n")]


def test_scripts_styles_and_comments_are_no_text() -> None:
    page = (
        html("<pre>1</pre>") + "<script>if (1 < 2) { '<pre>Input</pre>' }</script><style>p { }</style><!-- <p>x</p> -->"
    )
    read_page = read(page, "p.html")
    assert read_page.problem.statement == "Add.\n\n### Sample Input\n\n```\n1\n```\n\n### Sample Output\n\n```\n7\n```"


@pytest.mark.parametrize(
    "text",
    [
        "```input1\n3 4\n```\n\n```output1\n7\n```\n",
        "```in\n3 4\n```\n\n```out\n7\n```\n",
        "###Sample Input\n```\n3 4\n```\n###Sample Output\n```\n7\n```\n",
        "## Input example\n```\n3 4\n```\n## Output example\n```\n7\n```\n",
        "**Example 1 input**\n\n    3 4\n\n**Example 1 output**\n\n    7\n",
        "## Sample Input\n\n3 4\n\n## Sample Output\n\n7\n",
        "Sample Input\n3 4\nSample Output\n7\n",
        "| Input | Output |\n|---|---|\n| 3 4 | 7 |\n",
        "| # | Input | Expected output | Why |\n|---|---|---|---|\n| 1 | `3 4` | `7` | sum |\n",
        "## 样例输入\n```\n3 4\n```\n## 样例输出\n```\n7\n```\n",
        "【输入样例】\n```\n3 4\n```\n【输出样例】\n```\n7\n```\n",
        "### 入力例 1\n```\n3 4\n```\n### 出力例 1\n```\n7\n```\n",
        "## 예제 입력 1 복사\n```\n3 4\n```\n## 예제 출력 1 복사\n```\n7\n```\n",
        "## Пример 1\n\n| Ввод | Вывод |\n|---|---|\n| 3 4 | 7 |\n",
        "## Ejemplo de entrada\n```\n3 4\n```\n## Ejemplo de salida\n```\n7\n```\n",
        "## Exemplo de Entrada\n```\n3 4\n```\n## Exemplo de Saída\n```\n7\n```\n",
        "## Exemple d'entrée\n```\n3 4\n```\n## Exemple de sortie\n```\n7\n```\n",
        "## Beispieleingabe\n```\n3 4\n```\n## Beispielausgabe\n```\n7\n```\n",
        "- Input: `3 4`, Output: `7`\n",
        "> **Input:** `3 4`\n>\n> **Output:** `7`\n",
        "## Sample Input\n```\n3 4```\n## Sample Output\n```\n7```\n",
    ],
)
def test_examples_in_the_manners_of_judges_and_people(text: str) -> None:
    assert examples(PROSE + text) == [("3 4\n", "7\n")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("## Example\n\n```\n3 4\n```\n\n```\n7\n```\n", "labelled neither input nor output"),
        (
            "## Sample Input\n\n```\n3\n```\n\n## Sample Output\n\nThe sum of the numbers is printed.\n",
            "by prose alone",
        ),
        (
            "## Sample Input\n```\n3\n```\n## Sample Input\n```\n4\n```\n## Sample Output\n```\n3\n```\n",
            "2 inputs and 1",
        ),
        ("## Sample Input 1\n```\n3\n```\n## Sample Output 2\n```\n3\n```\n", "differ in number"),
        ("## Sample Input\n```\n1 2 ... 9\n```\n## Sample Output\n```\n3\n```\n", "is shortened by dots"),
        ("## Sample\n\nInput: 3 4\n\nOutput: 7 (because 3 + 4 = 7)\n", "may carry a remark"),
        ("## Sample\n\nInput: 3 and 4\n\nOutput: 7\n", "may carry a remark"),
        ("## Sample\n\nInput: `3\\n4`\n\nOutput: `7`\n", "line breaks as \\n"),
        ("## Sample\n\nInput:\n```\n3\n```\nOutput:\n```\n4\n```\nor\n```\n5\n```\n", "has two answers"),
        ("For example, the sum of the list is as follows.\n\n```\n3 4\n```\n", "no usable examples"),
        ("| Cups | Price |\n|---|---|\n| 1 | 3 |\n", "the text has 1 table"),
        ("## Input\n\n3 4\n\n## Output\n\n7\n", "may be a format"),
    ],
)
def test_what_is_not_sure_is_lost_and_said(text: str, says: str) -> None:
    statement = read(PROSE + text)
    assert statement.problem.public == ()
    assert any(says in doubt for doubt in statement.doubts), statement.doubts


def test_a_table_of_arguments_and_their_result_is_a_function() -> None:
    table = "## 입출력 예\n\n| numbers | target | result |\n|---|---|---|\n| [1, 2] | 3 | true |\n"
    statement = read(PROSE + table)
    assert (statement.kind, statement.converted) == ("function", (True,))
    assert [(each.input, each.output) for each in statement.raw] == [("numbers = [1, 2], target = 3\n", "true\n")]


@pytest.mark.parametrize(
    ("line", "seconds", "megabytes"),
    [
        ("time limit per test: 5 seconds", 5.0, None),
        ("time limit per test5 seconds", 5.0, None),
        ("| Time Limit | 1 second |\n|---|---|\n| Memory Limit | 512 MiB |", 1.0, 512.0),
        ("| 시간 제한 | 메모리 제한 |\n|---|---|\n| 2 초 (추가 시간 없음) | 128 MB |", 2.0, 128.0),
        ("Ограничение времени: 2 секунды\nОграничение памяти: 64 МБ", 2.0, 64.0),
        ("시간 제한 2 초", 2.0, None),
        ("时间限制：1000ms 内存限制：128MB", 1.0, 128.0),
        ("実行時間制限: 2 sec / メモリ制限: 1024 MB", 2.0, 1024.0),
        ("Time Limit: 2 sec / Memory Limit: 65536 KB", 2.0, 64.0),
        ("Límite de tiempo: 1,5 segundos", 1.5, None),
        ("Limite de temps : 500 ms", 0.5, None),
        ("Zeitlimit: 3 Sekunden", 3.0, None),
        ("The time limit is 4 seconds.", 4.0, None),
        ("The time limit of the pot is long.", None, None),
    ],
)
def test_limits_are_read_from_the_text(line: str, seconds: float | None, megabytes: float | None) -> None:
    statement = read(f"# Sum\n\n{line}\n\n{PROSE}")
    assert (statement.time_limit, statement.memory_limit) == (seconds, megabytes)
    assert statement.problem.time_limit == (seconds or 1.0)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("2", 2.0), ("2s", 2.0), ("0.5", 0.5), ("2000 ms", 2.0), ('"1s, 256MB"', 1.0), ("3 seconds", 3.0)],
)
def test_front_matter_gives_limits(value: str, seconds: float) -> None:
    assert read(f"---\ntime_limit: {value}\n---\n{PROSE}").problem.time_limit == seconds


@pytest.mark.parametrize("value", ["soon", "0", "99999"])
def test_an_unusable_limit_in_front_matter_is_a_doubt(value: str) -> None:
    statement = read(f"---\ntime_limit: {value}\n---\n{PROSE}")
    assert statement.problem.time_limit == 1.0
    assert f"time limit '{value}' is not between 0 and 600 s" in statement.doubts[0]


def test_words_of_the_text_warn_of_several_answers_and_ask_for_a_tolerance() -> None:
    sample = "## Sample Input\n```\n3\n```\n## Sample Output\n```\n1.5\n```\n"
    several = read(f"{PROSE}If there are several answers, print any of them.\n\n{sample}")
    assert "the text says 'any of them'" in several.doubts[0]
    assert several.problem.compare == ""
    error = read(f"{PROSE}The absolute or relative error must be at most 10^-6.\n\n{sample}")
    assert error.problem.compare == "numbers"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("An interactive problem.\n\n## Sample Input\n```\n3\n```\n## Sample Output\n```\n? 1\n```\n", "interactive"),
        ("Write an SQL query that lists the owners.\n", "sql"),
        ("Write a bash script that counts the lines of file.txt.\n", "shell"),
        ("Write a class `Robot` with a method `move`.\n", "class"),
        ("Write a function that adds two numbers.\n", "function"),
        ("Read two numbers from standard input, print their sum.\n", "stdin"),
        ("How many stars are there?\n", "unknown"),
    ],
)  # fmt: skip
def test_kinds_of_tasks(text: str, kind: str) -> None:
    statement = read(text)
    assert (statement.kind, statement.problem.public) == (kind, ())
    assert bool(statement.doubts) == (kind in ("interactive", "sql", "shell", "class"))


def test_several_problems_in_a_text_are_several_statements() -> None:
    one = "## {0}\n\nPrint {0}.\n\n### Sample Input\n```\n1\n```\n### Sample Output\n```\n{0}\n```\n\n"
    found = read_statements("# Contest\n\n" + one.format("First") + one.format("Second"), "p.md")
    assert [(each.title, each.problem.public[0].output) for each in found] == [
        ("First", "First\n"),
        ("Second", "Second\n"),
    ]
    assert "Second" not in found[0].problem.statement


def test_a_solution_below_the_problem_is_not_shown_to_the_models() -> None:
    statement = read(f"# Sum\n\n{PROSE}## Solution\n\n```python\nprint(sum(a))\n```\n\n## Note\n\nEasy.\n")
    assert "print" not in statement.problem.statement
    assert "Easy" in statement.problem.statement


BLOCK = "```\n{}\n```\n"
SAMPLES = "## Sample Input{0}\n```\n1 2\n```\n## Sample Output{1}\n```\n3\n```\n"


@pytest.mark.parametrize(
    "remark", [": (two lines)", " (two lines):", " 1 (two lines)", " — the usual", " for Subtask 2"]
)
def test_a_remark_behind_the_label_of_a_block_is_no_data(remark: str) -> None:
    assert examples(PROSE + SAMPLES.format(remark, remark)) == [("1 2\n", "3\n")]


@pytest.mark.parametrize("remark", [": for the case above", ": see below", ": when n = 2"])
def test_words_behind_the_label_of_a_block_leave_the_example_out(remark: str) -> None:
    statement = read(PROSE + SAMPLES.format("", remark))
    assert statement.problem.public == ()
    assert "has words and a block" in statement.doubts[0]


def test_a_value_above_a_block_stays_the_value() -> None:
    picture = "Input: nums = [1,2]\nOutput: 3\n```\n1 + 2\n```\n"
    assert [each.output for each in read(PROSE + picture).raw] == ["3\n"]


@pytest.mark.parametrize("sign", ["→", "->", "=>", ",", ";", "|", "-"])
def test_the_sign_between_two_labels_of_a_line_is_no_data(sign: str) -> None:
    assert examples(f"{PROSE}1. Input: `1 2` {sign} Output: `3`\n") == [("1 2\n", "3\n")]


def test_labels_in_the_data_of_a_sample_input_make_no_examples() -> None:
    log = BLOCK.format("Input: 5\nOutput: 6\nInput: 7")
    statement = read(f"{PROSE}## Sample Input\n{log}## Sample Output\n{BLOCK.format('Output: 1')}")
    assert statement.problem.public == ()
    assert statement.doubts == ("'Sample Input' has a block with labels of its own: its example is left out",)
    whole = BLOCK.format("Input:\n5\nOutput:\n6")
    assert examples(f"{PROSE}## Sample Input\n{whole}") == [("5\n", "6\n")]


@pytest.mark.parametrize("data", ["见下发文件", "见附件", "See attachment", "см. файл"])
def test_data_that_the_page_does_not_show_is_left_out_and_said(data: str) -> None:
    text = f"{PROSE}## Sample Input\n{BLOCK.format(data)}## Sample Output\n{BLOCK.format(data)}"
    assert read(text).problem.public == ()
    assert "is in a file of its own" in read(text).doubts[0]


def test_numbers_with_remarks_behind_them_are_left_out_and_said() -> None:
    text = f"{PROSE}## Sample Input\n{BLOCK.format('3      # numbers of boxes')}## Sample Output\n{BLOCK.format(6)}"
    assert read(text).problem.public == ()
    assert "may carry a remark" in read(text).doubts[0]
    grid = f"{PROSE}## Sample Input\n{BLOCK.format('2 # .')}## Sample Output\n{BLOCK.format('#..#')}"
    assert examples(grid) == [("2 # .\n", "#..#\n")]


def test_a_row_of_dots_is_no_example_and_a_shortened_cell_is_said() -> None:
    table = "| input | output |\n|---|---|\n| ab | 1 |\n| ... | ... |\n"
    assert examples(PROSE + table) == [("ab\n", "1\n")]
    statement = read(f"{PROSE}| input | output |\n|---|---|\n| 1 2 ... 9 | 45 |\n")
    assert statement.problem.public == ()
    assert "is shortened by dots" in statement.doubts[0]


def test_tables_without_heads_go_on_with_those_of_the_table_above() -> None:
    row = "<table><tr><td>{}</td><td>{}</td></tr></table>"
    page = "<p>Add.</p><table><tr><td>Input</td><td>Output</td></tr><tr><td>1 2</td><td>3</td></tr></table>"
    assert examples(page + row.format("4 5", 9), "p.html") == [("1 2\n", "3\n"), ("4 5\n", "9\n")]
    assert examples(page + "<p>Costs:</p>" + row.format("4 5", 9), "p.html") == [("1 2\n", "3\n")]


@pytest.mark.parametrize(
    "text",
    [
        "Input: The first line contains n = 5\n\nOutput: 42 numbers in a line\n",
        "Input: 5 numbers a1...a5 (1 <= ai <= 100)\n\nOutput: 1\n",
    ],
)
def test_words_about_the_input_beside_a_plain_label_are_no_data(text: str) -> None:
    assert read(PROSE + text).problem.public == ()
    assert "may be a format" in read(PROSE + text).doubts[0]


def test_a_label_of_a_sample_that_goes_on_otherwise_is_said() -> None:
    other = f"## Sample Input for the hard version\n{BLOCK.format(9)}"
    statement = read(PROSE + SAMPLES.format("", "") + other)
    assert len(statement.problem.public) == 1
    assert statement.doubts == ("'Sample Input for the hard version' is not understood: its block is left out",)


@pytest.mark.parametrize("title", ["Notes", "Test cases", "Remarks", "Examples"])
def test_a_title_may_be_a_word_of_labels(title: str) -> None:
    statement = read(f"# {title}\n\n{PROSE}{SAMPLES.format('', '')}")
    assert statement.prose == "Add the numbers."
    assert len(statement.problem.public) == 1


def test_empty_braces_in_a_list_may_be_an_object_and_are_left_out() -> None:
    statement = read(f"{PROSE}Input: nums = [null, {{}}, 3]\nOutput: 3\n")
    assert statement.problem.public == ()
    assert "may be an array or an object" in statement.doubts[0]


def test_a_minus_of_typesetters_is_a_hyphen_in_data() -> None:
    text = f"{PROSE}## Sample Input\n{BLOCK.format('−5 3')}## Sample Output\n{BLOCK.format('−2')}"
    assert examples(text) == [("-5 3\n", "-2\n")]


@pytest.mark.parametrize("words", ["each letter in any case", "either uppercase or lowercase", "в любом регистре"])
def test_letters_in_any_case_are_warned_of(words: str) -> None:
    statement = read(f"{PROSE}Print the answer, {words}.\n\n{SAMPLES.format('', '')}")
    assert "where the example does not" in statement.doubts[0]


def test_the_title_of_a_page_tells_the_problem_from_its_site() -> None:
    sample = "<h3>Sample Input</h3><pre>1</pre><h3>Sample Output</h3><pre>2</pre>"
    cses = f"<title>CSES - Towers</title><h3>CSES Problem Set</h3><h1>Towers</h1><p>Add.</p>{sample}"
    assert read(cses, "p.html").title == "Towers"
    body = f'<div id="task-statement"><p>Score : 300 points</p><p>Add.</p>{sample}</div>'
    atcoder = f"<html><head><title>C - Garden</title></head><body><p>Contest</p>{body}</body></html>"
    assert read(atcoder, "p.html").title == "C - Garden"


def test_a_logo_above_all_text_is_no_picture_of_the_problem() -> None:
    assert read(f"![badge](b.svg)\n\n{PROSE}").doubts == ()
    assert "1 picture" in read(f"{PROSE}![drawing](b.svg)\n").doubts[0]


def test_a_limit_that_is_not_understood_is_quoted_once_in_whole_words() -> None:
    assert read(f"{PROSE}Timelimit: 1\n").doubts == ("the time limit '1' is not understood",)
    doubt = read(f"Time Limit: 2000/1000 MS (Java/Others)    Memory Limit: 64 MB\n\n{PROSE}").doubts[0]
    assert "'2000/1000 MS (Java/Others) Memory'" in doubt


def test_limits_in_brackets_below_the_title_are_read() -> None:
    statement = read(f"# A\n\n(Время: 3 сек. Память: 16 Мб Сложность: 2%)\n\n{PROSE}")
    assert (statement.time_limit, statement.memory_limit) == (3.0, 16.0)


def test_an_unusable_row_of_a_table_is_left_out_alone() -> None:
    statement = read(f"{PROSE}| Input | Output |\n|---|---|\n| 1 2 | 3 |\n| 4 5 |  |\n| 1 ... 9 | 45 |\n| 2 2 | 4 |\n")
    assert [each.input for each in statement.problem.public] == ["1 2\n", "2 2\n"]
    assert "has a cell that is shortened by dots: its row is left out" in statement.doubts[0]
    prose = f"{PROSE}| Input | Output |\n|---|---|\n| 1 2 | 3 |\n| The first line contains the number n. | 4 |\n"
    assert read(prose).problem.public == ()


def test_a_solution_below_the_last_value_does_not_make_it_doubtful() -> None:
    text = f"{PROSE}Sample Input: the sky is blue\n\nSample Output: blue is sky the\n\n```python\nprint()\n```\n"
    assert examples(text) == [("the sky is blue\n", "blue is sky the\n")]


def test_emphasis_around_a_whole_cell_is_no_data_and_stars_within_are() -> None:
    table = "| Input | Output |\n|---|---|\n| **1 2** | _3_ |\n| 2*3*4 | 24 |\n| **`5`** | *** |\n"
    assert examples(PROSE + table) == [("1 2\n", "3\n"), ("2*3*4\n", "24\n"), ("5\n", "***\n")]
