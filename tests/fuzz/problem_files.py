"""Problem files and answers: CURE JSON, statements in Markdown and HTML, front matter, a program of the user's own."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

from cure_tui.solving import checking
from cure_tui.solving.own_program import read_program
from cure_tui.solving.reading import read_problems
from engine.problems import load_problems, save_problems
from engine.prompts import PromptStyle, Role, build_messages
from engine.prompts.reading import Reading, read_unit_test
from engine.prompts.reading import read_program as read_answer
from engine.solve.request import SolveRequest, Task
from tests.fuzz.kind import Kind, prepare_nothing
from tests.fuzz.mutations import changed_bytes, changed_tree, json_bytes, odd_value, put_odd_file

_FAMILIES = Path(__file__).parents[1] / "engine" / "problems" / "families"
_RECORD = {
    "task_id": "a-1", "question": "Print the sum of two integers.", "test_time_limit": 1, "example_input": ["1 2\n"],
    "example_output": ["3\n"], "test_input": ["4 5\n", "0 0\n"], "test_output": ["9\n", "0\n"], "difficulty": "easy",
    "dataset": "none", "solutions": ["print(sum(map(int, input().split())))"], "compare": "tokens",
}  # fmt: skip


def _write(chance: random.Random, path: Path, data: bytes) -> str:
    """Write the file, or now and then something that is none in its place."""
    if chance.random() < 0.03:
        return put_odd_file(chance, path, path.parents[1] / "precious")
    path.write_bytes(data)
    return f"{len(data)} bytes"


# CURE files -------------------------------------------------------------------------------------------------------


def _mutate_cure(chance: random.Random, place: Path) -> str:
    records = [_RECORD | {"task_id": f"a-{number}"} for number in range(chance.choice((1, 3)))]
    name = chance.choice(("tasks.json", "tasks.jsonl"))
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(records))
        changed = changed_tree(chance, records[at])
        records[at] = changed if isinstance(changed, dict) else {"x": changed}
    if name == "tasks.json":
        data = json_bytes(chance, changed_tree(chance, records) if chance.random() < 0.2 else records)
    else:
        data = b"\n".join(json_bytes(chance, record) for record in records)
    if chance.random() < 0.25:
        data = changed_bytes(chance, data)
    return f"{name}: {_write(chance, place / 'home' / name, data)}"


def _read_cure(place: Path) -> None:
    file = next((place / "home").glob("tasks.json*"), place / "home" / "tasks.json")
    _use(file)
    problems = load_problems(file)
    save_problems(place / "home" / "again.jsonl", problems)
    assert load_problems(place / "home" / "again.jsonl") == problems


# Statements -------------------------------------------------------------------------------------------------------


def _mutate_statement(chance: random.Random, place: Path) -> str:
    samples = sorted(path for path in _FAMILIES.rglob("*") if path.suffix in (".md", ".html"))
    sample = chance.choice(samples)
    text, done = sample.read_text(encoding="utf-8"), [sample.name]
    for _ in range(chance.randint(1, 3)):
        mutation = chance.choice((_repeat, _wrap, _labels, _insert, _insert, _mix, _bytes, _example))
        text = mutation(chance, text)[: 5 << 20]
        done.append(mutation.__name__)
    return f"{', '.join(done)}: {_write(chance, place / 'home' / sample.name, _encoded(chance, text))}"


def _repeat(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    first = chance.randrange(len(lines))
    part = lines[first : first + chance.choice((1, 3, 30))]
    room = max(1, chance.choice((3000, 190_000, 2_000_000)) // (len("\n".join(part)) + 1))
    return "\n".join([*lines[:first], *part * min(room, chance.choice((2, 100, 100_000))), *lines[first:]])


def _wrap(chance: random.Random, text: str) -> str:
    """Nest a part deeply, or leave something open."""
    opening, closing = chance.choice((
        ("<div>", "</div>"), ("<table><tr><td>", "</td></tr></table>"), ("<b>", ""), ("<pre>", "</pre>"), ("> ", ""),
        ("- ", ""), ("1. ", ""), ("[", "](x)"), ("**", "**"), ("`", ""), ("<!--", ""), ("<a<b", ""), ("$", "$"),
        ("<p><ul><li>", ""), ("<svg><math>", ""), ("&lt;", ""), ("\\(", "\\)"), ("*", ""), ("_", "_"), ("![", "]"),
        ("\t", ""), ("    - ", "\n"), ("(", ")"), ("{", "}"), ("[[", "]]"), ("<sub>", "</sub>"), ("|", "|"),
    ))  # fmt: skip
    times = chance.choice((1, 5, 200, 12_000, 60_000))
    first = chance.randint(0, len(text))
    last = min(len(text), first + 200)
    return text[:first] + opening * times + text[first:last] + closing * times + text[last:]


_LABELS = ("Input", "Output", "Example", "Sample Input", "Constraints", "Time limit: 1 s", "Note", "Explanation",
           "输入", "Входные данные", "입력", "Memory Limit: 999999999999999999 MB", "Time limit: 1e999 seconds",
           "class Solution:\n    def f(self, a: List[int]) -> int:", "nums = [1,2,3], target = 9")  # fmt: skip


def _labels(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    for _ in range(chance.choice((1, 5, 1000))):
        label = chance.choice(_LABELS)
        lines.insert(
            chance.randint(0, len(lines)), chance.choice((label, f"## {label}", f"**{label}:**", f"{label}: 3"))
        )
    return "\n".join(lines)


def _insert(chance: random.Random, text: str) -> str:
    odd = chance.choice((
        "9" * 6000, "-" * 50_000, "|" * 20_000, "a|b\n-|-\n" + "1|2\n" * 20_000, "|" + "x|" * 5000 + "\n" + "|-" * 5000,
        "\n```\n", "\n~~~~\n" * 5000, "```python\n" + "x" * 100_000, "&#x110000;&#0;&bogus;" * 500, "\x1b[2J\x1b]0;x\x07",
        "\u202e\u200b\ufeff", "\ud800", "\0", " " * 150_000, "[x]: " * 9000, "[" * 60_000, "](" * 30_000, "<" * 50_000,
        "1e999 seconds", "\u0661\u0662\u0663 seconds", "1,000,000,000 MB", "# " * 9000, "\n===\n" * 9000, "**" * 40_000,
        "\n* * *\n" * 9000, "a" * 190_000, "<table>" + "<tr>" + "<td>1" * 20_000, "1 2 3 " * 30_000, "f(" * 5000,
        "[" * 3000 + "]" * 3000, "nums = " + "[1," * 9000, "Input: x = 1e400, y = " + "9" * 5000 + "\nOutput: NaN",
        "<pre>" * 30_000, "<td colspan=99999999 rowspan=99999999>x", "<![CDATA[" * 900, "<a " + "b='c' " * 20_000 + ">",
        "<h1>" * 12_000, "é" * 60_000, "\r" * 9000, "x\u0301" * 9000, "🏳️‍🌈" * 5000, "\u2028" * 9000, "$$" * 20_000,
    ))  # fmt: skip
    at = chance.randint(0, len(text))
    return text[:at] + odd + text[at:]


def _mix(chance: random.Random, text: str) -> str:
    other = chance.choice(sorted(path for path in _FAMILIES.rglob("*") if path.suffix in (".md", ".html")))
    cut = chance.randint(0, len(text))
    return text[:cut] + other.read_text(encoding="utf-8") + text[cut:]


def _bytes(chance: random.Random, text: str) -> str:
    return changed_bytes(chance, text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")


def _example(chance: random.Random, text: str) -> str:
    """Replace a number or a quoted text by a value that no judge writes."""
    places = [found.span() for found in re.finditer(r"-?\d+|\"[^\"\n]*\"|\[[^\n]*\]", text)]
    if not places:
        return text
    first, last = chance.choice(places)
    return text[:first] + json.dumps(odd_value(chance))[:9000] + text[last:]


def _encoded(chance: random.Random, text: str) -> bytes:
    if chance.random() < 0.7:
        return text.encode("utf-8", "surrogatepass")
    names = ("utf-16", "utf-32", "utf-8-sig", "cp1251", "shift_jis", "gb18030", "euc_kr", "latin-1", "utf-7", "cp037",
             "utf-16-le", "hz", "iso2022_jp", "koi8_r")  # fmt: skip
    declared = chance.choice((*names, "hex", "idna", "punycode", "undefined", "unicode_escape", "raw_unicode_escape",
                              "rot13", "zip", "base64", "mbcs", "uu", "x" * 5000, "\u00e9", "unknown"))  # fmt: skip
    head = chance.choice(("", f'<html><meta charset="{declared}">'))
    data = (head + text).encode(chance.choice(names), "replace")
    return changed_bytes(chance, data) if chance.random() < 0.3 else data


def _use(file: Path) -> None:
    """Read a file as `solve --check` and `solve` do, and build the prompts of its problems."""
    found, _ = checking.check([str(file)], None, None, None)
    for problem in found:
        checking.understood(problem)
    checking.as_json(found)
    problems = read_problems([str(file)], f"0-{max(1, len(found)) - 1}", None)
    tasks = tuple(Task(each.read.problem, each.read.prose) for each in problems)
    request = SolveRequest(tasks, "nano", "nano", 1, 1, 0, "bon")
    assert SolveRequest.from_json(request.to_json().encode().decode()).tasks == tasks
    for task in tasks[:20]:
        for style in PromptStyle:
            for role in Role:
                build_messages(task.problem, role, style, show_example=True)


def _read_statement(place: Path) -> None:
    home = place / "home"
    _use(next((path for path in home.iterdir() if path.suffix in (".md", ".html")), home / "problem.md"))


def _mutate_front(chance: random.Random, place: Path) -> str:
    names = ("title", "time_limit", "time", "limits", "memory", "Memory Limit", "tags", "x" * 300, "", "é", "\x1b[1m")
    values = ("A", "2", "2s", "1s, 256MB", "1e999", "-1", "9" * 5000, "nan s", "0", "[1, 2]", "{", '"', "\u0662",
              "1 s" * 5000, "(" * 9000, "1/" * 9000 + "2 s", "-" * 9000, "\x1b]0;x\x07", "1.5.2 s", "1,5 s / 2 s", "")  # fmt: skip
    lines = [
        f"{chance.choice(names)}{chance.choice((':', ': ', '=', ''))}{chance.choice(values)}"
        for _ in range(chance.choice((0, 1, 4, 3000)))
    ]
    fence, end = chance.choice(("---", "--- ", "----", "+++", "\ufeff---")), chance.choice(("---", "---", "...", ""))
    text = "\n".join(
        (fence, *lines, end, "# Sum", "Print the sum.", "## Example", "```", "1 2", "```", "```", "3", "```")
    )
    data = text.encode()
    if chance.random() < 0.3:
        data = changed_bytes(chance, data)
    return _write(chance, place / "home" / "problem.md", data)


# Programs and answers ---------------------------------------------------------------------------------------------

_PROGRAM = b"import sys\n\ndef solve(a):\n    return sum(a)\n\nprint(solve(map(int, sys.stdin.read().split())))\n"


def _mutate_program(chance: random.Random, place: Path) -> str:
    odd = (b"(" * 300, b"((((" * 50_000, b"-" * 100_000 + b"1", b"x=" * 20_000, b"if 1:\n " * 200, b"'" * 3, b"\\", b"\f",
           b"# -*- coding: utf-7 -*-\n", b"# coding: bogus\n", b"f'{" * 300, b"a." * 90_000 + b"b", b"9" * 9000, b"\0",
           b"1+" * 90_000 + b"1", b"lambda:" * 20_000, b"match x:\n case " + b"[" * 500, b"not " * 90_000 + b"1")  # fmt: skip
    at = chance.randint(0, len(_PROGRAM))
    data = _PROGRAM[:at] + chance.choice(odd) + _PROGRAM[at:]
    if chance.random() < 0.5:
        data = changed_bytes(chance, data)
    return _write(chance, place / "home" / "solution.py", data)


_ANSWER = """<think>Let me add.</think>
Here is the program:

```python
print(sum(map(int, input().split())))
```

**Test Input:**
```
1 2
```

**Test Output:**
```
3
```

**Explanation:** 1 + 2 = 3.
"""


def _mutate_answer(chance: random.Random, place: Path) -> str:
    text, done = _ANSWER, []
    for _ in range(chance.randint(1, 4)):
        mutation = chance.choice((_repeat, _wrap, _labels, _insert, _bytes, _example))
        text = mutation(chance, text)[: 2 << 20]
        done.append(mutation.__name__)
    (place / "home" / "answer").write_text(text, encoding="utf-8", errors="replace")
    return ", ".join(done)


def _read_answer(place: Path) -> None:
    text = (place / "home" / "answer").read_text(encoding="utf-8") if (place / "home" / "answer").exists() else ""
    is_odd = bool(len(text) % 2)
    for reading in Reading:
        read_answer(text, reading, in_thought=is_odd, finished=not is_odd)
        read_unit_test(text, reading, in_thought=is_odd, finished=not is_odd)


def _read_program(place: Path) -> None:
    read_program(place / "home" / "solution.py")


CURE = Kind(prepare_nothing, _mutate_cure, _read_cure)
STATEMENT = Kind(prepare_nothing, _mutate_statement, _read_statement)
FRONT_MATTER = Kind(prepare_nothing, _mutate_front, _read_statement)
OWN_PROGRAM = Kind(prepare_nothing, _mutate_program, _read_program)
ANSWER = Kind(prepare_nothing, _mutate_answer, _read_answer)
