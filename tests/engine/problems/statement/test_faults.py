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
