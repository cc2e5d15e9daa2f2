"""Tests of the converters of function tasks, on real rows and with their references in the sandbox."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from engine.data.conversion import convert
from engine.data.converted import Converted, Dropped, Kept, Options
from engine.data.streams import Row, read_rows
from engine.problems import to_cure_record
from engine.sandbox import Executor
from tests.engine.data.conversions import ROWS, hidden_of, kept, real, reason


def counts(found: dict[str, Converted]) -> Counter[str]:
    return Counter(each.verdict if isinstance(each, Kept) else "dropped" for each in found.values())


def mbpp(code: str, *asserts: str, number: int = 20, **fields: Any) -> dict[str, Any]:
    return {"task_id": number, "text": "Do it.", "code": code, "test_list": list(asserts), **fields}


@pytest.fixture(scope="module")
def sanitized(executor: Executor) -> dict[str, Converted]:
    return real("mbpp-sanitized", "mbpp-sanitized.json", executor)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (2, "verified"),  # set(f()) == set(..)
        (7, "verified"),
        (11, "verified"),
        (14, "tolerant"),  # 240 expected, 240.0 returned
        (82, "verified"),  # math.isclose
        (123, "verified"),  # eight seconds
        (781, "verified"),  # f() and not f() of a function that returns a bool
        (803, "verified"),  # 14*14 as an argument
        (804, "verified"),
        (12, "verified"),
        (64, "verified"),
        (88, "verified"),  # returns a Counter
        (252, "verified"),
        (596, "it needs sys.getsizeof"),
        (590, "a complex has no form"),
        (737, "its assertions take any true value, and its reference returns no boolean"),
        (787, "its assertions take any true value, and its reference returns no boolean"),
        (794, "its assertions take any true value, and its reference returns no boolean"),
    ],
)
def test_each_sanitized_row_has_its_verdict_or_its_reason(
    sanitized: dict[str, Converted], number: int, expected: str
) -> None:
    found = sanitized[f"mbpp/{number}"]
    assert (found.verdict if isinstance(found, Kept) else found.reason).startswith(expected)


def test_rows_of_mbpp_pass_in_both_styles_or_are_dropped_with_a_reason(executor: Executor) -> None:
    for style in (None, "json"):
        found = real("mbpp", "mbpp.jsonl", executor, style=style)
        passed = [each for each in found.values() if isinstance(each, Kept)]
        dropped = {each.id: each.reason for each in found.values() if isinstance(each, Dropped)}
        assert len(passed) + len(dropped) == 24
        assert set(dropped) >= {"mbpp/367", "mbpp/596", "mbpp/601", "mbpp/590"}
        assert all(dropped.values())
        assert {each.verdict for each in passed} <= {"verified", "tolerant", "respelled"}


def test_a_conversion_is_the_same_byte_for_byte(executor: Executor) -> None:
    def once() -> str:
        found = convert("mbpp", read_rows(ROWS / "mbpp.jsonl"), Options(), executor)
        return json.dumps([to_cure_record(each.problem) if isinstance(each, Kept) else repr(each) for each in found])

    assert once() == once()


def test_rows_of_humaneval_pass_or_are_dropped_for_their_loops(executor: Executor) -> None:
    found = real("humaneval", "humaneval.jsonl", executor)
    dropped = {each.id: each.reason for each in found.values() if isinstance(each, Dropped)}
    assert set(dropped.values()) <= {"its assertion stands in a loop"}
    assert counts(found)["verified"] + counts(found)["tolerant"] == len(found) - len(dropped)
    assert isinstance(found["humaneval/2"], Kept), "abs(f() - x) < 1e-6 is a tolerance"
    assert found["humaneval/2"].problem.compare == "tokens"


def test_the_words_of_a_humaneval_prompt_stay_and_its_code_goes() -> None:
    record = {
        "task_id": "HumanEval/900",
        "entry_point": "third",
        "prompt": 'def half(n: int) -> int:\n    """Half of n."""\n    return n // 2\n\n\n'
        'def third(n: int) -> int:\n    """ A third of n.\n    >>> third(6)\n    2\n    """\n',
        "canonical_solution": "    return n // 3\n",
        "test": "def check(candidate):\n    assert candidate(6) == 2\n    assert candidate(9) == 3\n",
    }
    statement = kept("humaneval", record).problem.statement
    assert statement.startswith("A third of n.\n>>> third(6)\n2")
    assert "def half(n: int)" in statement
    assert "def third" not in statement
    assert "- line 1: n, an integer" in statement


def test_rows_of_apps_pass_on_standard_input_and_as_functions(executor: Executor) -> None:
    found = real("apps", "apps.jsonl", executor)
    by_reason = {each.id: each.reason for each in found.values() if isinstance(each, Dropped)}
    assert list(by_reason) == ["apps/2287"]
    assert "several answers" in by_reason["apps/2287"]
    assert counts(found)["verified"] == 4
    kept_anyway = real("apps", "apps.jsonl", executor, keep_ambiguous=True)["apps/2287"]
    assert isinstance(kept_anyway, Kept)
    assert kept_anyway.verdict == "verified", "three of its references do not compile, another one passes"
    assert any("no Python 3" in note for note in kept_anyway.notes)
    wrapped = found["apps/4184"]
    assert isinstance(wrapped, Kept)
    assert hidden_of(wrapped)[0] == ("2\n", "True\n"), "the set wraps results of plain functions in lists"


def test_what_the_encoding_is_stands_in_the_statement_with_one_example() -> None:
    task = kept("mbpp", mbpp("def f(a, k): pass", "assert f([1, 2], 3) == 4", "assert f([5], 6) == 7"))
    assert "- line 1: the first argument, integers separated by blanks" in task.problem.statement
    assert "```\n1 2\n3\n```" in task.problem.statement
    assert [(each.input, each.output) for each in task.problem.public] == [("1 2\n3\n", "4\n")]
    assert hidden_of(task) == [("5\n6\n", "7\n")], "the example that is shown judges nothing"


def test_json_is_taken_where_lines_would_lose_something_or_by_choice() -> None:
    ragged = mbpp("def f(a): pass", "assert f(['a b', '']) == 1", "assert f([]) == 0")
    assert kept("mbpp", ragged).problem.style == "json"
    plain = mbpp("def f(a): pass", "assert f([1]) == 1", "assert f([2]) == 0")
    assert kept("mbpp", plain).problem.style == "cure"
    forced = kept("mbpp", plain, style="json").problem
    assert (forced.style, forced.compare) == ("json", "json")


def test_a_result_that_equals_the_expected_one_but_prints_otherwise_is_respelled(executor: Executor) -> None:
    record = mbpp("def f(n): return int(n > 1)", "assert f(1) == False", "assert f(2) == True", "assert f(3) == True")
    task = kept("mbpp", record, executor)
    assert task.verdict == "respelled"
    assert hidden_of(task) == [("2\n", "1\n"), ("3\n", "1\n")]
    assert "Output: an integer." in task.problem.statement, "the words are those of the new results"


def test_a_spelling_of_numbers_is_tolerated_and_the_task_compares_so(executor: Executor) -> None:
    record = mbpp("def f(n): return n * 1.0", "assert f(1) == 1", "assert f(2) == 2")
    task = kept("mbpp", record, executor)
    assert (task.verdict, task.problem.compare) == ("tolerant", "numbers")


def test_a_reference_that_fails_drops_its_task_with_the_test_and_the_reason(executor: Executor) -> None:
    wrong = mbpp("def f(n): return n", "assert f(1) == 1", "assert f(2) == 3")
    assert reason("mbpp", wrong, executor) == "its reference prints another output on test 2"
    broken = mbpp("def f(n): return m", "assert f(1) == 1", "assert f(2) == 3")
    assert "NameError" in reason("mbpp", broken, executor)
    assert "more than 1 s" in reason("mbpp", mbpp("def f(n):\n  while 1: pass", "assert f(1) == 1"), executor)


def test_a_task_without_a_reference_that_compiles_is_unverified(executor: Executor) -> None:
    task = kept("mbpp", mbpp("def f(n): print n", "assert f(1) == 1", "assert f(2) == 3"), executor)
    assert task.verdict == "unverified"
    assert task.problem.solutions == ()


def test_a_result_that_varies_with_the_hash_seed_drops_its_task(executor: Executor) -> None:
    code = "def f(words): return ''.join(set(words))"
    letters = [chr(ord("a") + n) for n in range(20)]
    with Executor(cells=1, hash_seed=0) as one, Executor(cells=1, hash_seed=7) as other:
        made = f"import json; print(json.dumps(''.join(set({letters}))))"
        expected = json.loads(one.run(made, [""])[0].stdout)
        record = mbpp(code, f"assert f({letters}) == {expected!r}", "assert f(['b']) == 'b'")
        (found,) = convert("mbpp", [Row(0, 1, record)], Options(), one, other)
    assert isinstance(found, Dropped)
    assert "hash seed" in found.reason


def test_results_in_an_arbitrary_order_are_compared_as_sets(executor: Executor) -> None:
    code = "def similar(a, b): return tuple(set(a) & set(b))"
    record = mbpp(
        code, "assert similar((3, 4), (4, 3)) == (3, 4)", "assert similar((5, 1), (1, 5)) == (5, 1)", number=2
    )
    task = kept("mbpp", record, executor)
    assert hidden_of(task) == [("5 1\n1 5\n", "1 5\n")]
    assert "ascending and each once" in task.problem.statement


def test_an_assertion_that_is_no_plain_call_drops_alone() -> None:
    record = mbpp("def f(n): pass", "assert f(1) == 1", "assert f(x) == 1", "assert f(3) == 1", "assert f(4) == 1")
    task = kept("mbpp", record)
    assert len(task.problem.hidden) == 2
    assert task.notes == ("1 of 4 assertions left out: it needs x, which is no literal",)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("assert f(lambda x: x) == 1", "which is no literal"),
        ("assert f(n=1) == 1", "names its arguments"),
        ("assert f(1j) == 1", "a complex has no form"),
        ("assert f(b'x') == 1", "a bytes has no form"),
        ("assert f(1) != 1", "no equality"),
        ("assert f(1) == g(1)", "which is no literal"),
        ("for n in range(3): assert f(n) == n", "stands in a loop"),
        ("assert f(9 ** 9 ** 9) == 1", "too large"),
        ("assert f('a' * 10 ** 9) == 1", "which is no literal"),
        ("assert f(float('inf')) == 1", "infinite"),
        ("assert f(1) ==", "no Python"),
        ("assert True", "it has no test"),
        ("assert f(" + "[" * 60 + "]" * 60 + ") == 1", "nested too deeply"),
        ("assert f({[]: 1}) == 1", "cannot be read"),
    ],
)
def test_an_assertion_of_another_form_is_refused_with_its_reason(text: str, what: str) -> None:
    assert what in reason("mbpp", mbpp("def f(n): pass", text))


def test_a_task_that_would_lose_most_of_its_tests_is_dropped() -> None:
    record = mbpp("def f(n): pass", "assert f(x) == 1", "assert f(y) == 1", "assert f(3) == 1")
    assert reason("mbpp", record) == "it needs x, which is no literal"
    mixed = mbpp("def f(n): pass", "assert f([(1,), 2]) == 1", "assert f(['a', (2,)]) == 1", "assert f([1, 'a']) == 1")
    assert "do not come back" in reason("mbpp", mixed)


def test_a_dictionary_is_printed_by_its_keys_whatever_order_a_program_builds() -> None:
    for key, expected in (("'b'", '{"a": 2, "b": 1}'), ("3", "[[1, 2], [3, 1]]")):
        other = "'a'" if key == "'b'" else "1"
        record = mbpp("def f(n): pass", *[f"assert f({n}) == {{{key}: 1, {other}: 2}}" for n in range(3)])
        assert kept("mbpp", record, style="json").problem.hidden[0].output == f"{expected}\n"
        assert key == "'b'" or "keys ascending" in kept("mbpp", record, style="json").problem.statement


def test_line_ends_of_a_reference_become_line_feeds(executor: Executor) -> None:
    record = mbpp("def f(n):\r\n  return n\r\n", "assert f(1) == 1", "assert f(2) == 2")
    assert "\r" not in kept("mbpp", record, executor).problem.solutions[0]


def test_a_split_stands_in_the_name_of_the_set() -> None:
    for number, name in ((1, "mbpp/prompt"), (11, "mbpp/test"), (511, "mbpp/validation"), (974, "mbpp/train")):
        record = mbpp("def f(n): pass", "assert f(1) == 1", number=number)
        assert kept("mbpp", record).problem.dataset == name
