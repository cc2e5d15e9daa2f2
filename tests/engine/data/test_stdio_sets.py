"""Tests of the converters of tasks on standard input: every trap of the sets, on rows made up in their form."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.data.conversion import convert
from engine.data.converted import Dropped, Kept, Options
from engine.data.streams import BadRow, Row, Unread
from engine.errors import ConfigError
from engine.problems import parse_cure_record, to_cure_record
from engine.sandbox import Executor
from tests.engine.data.conversions import converted, hidden_of, kept, real, reason

PAIRS = {"input": ["1\n", "2\n"], "output": ["2\n", "4\n"]}


def cure(**fields: Any) -> dict[str, Any]:
    return {
        "task_id": 3,
        "question": "Double it.",
        "test_input": ["1\n", "2\n"],
        "test_output": ["2\n", "4\n"],
        "example_input": ["5\n"],
        "example_output": ["10\n"],
        "test_time_limit": 1,
        "dataset": "CodeContests",
        "solutions": None,
        **fields,
    }


def question(**fields: Any) -> dict[str, Any]:
    return {
        "question_title": "Double",
        "question_content": "Double it.",
        "platform": "atcoder",
        "question_id": "abc900_a",
        "contest_date": "2023-08-21T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([{"input": "1\n", "output": "2\n", "testtype": "stdin"}]),
        "private_test_cases": json.dumps([{"input": "2\n", "output": "4\n", "testtype": "stdin"}]),
        "metadata": "{}",
        **fields,
    }


def contest(**fields: Any) -> dict[str, Any]:
    return {
        "name": "900_A. Double",
        "description": "Double it.",
        "public_tests": {"input": ["5\n"], "output": ["10\n"]},
        "private_tests": PAIRS,
        "generated_tests": {"input": ["3\n"], "output": ["6\n"]},
        "difficulty": 7,
        "time_limit": {"seconds": 1, "nanos": 500_000_000},
        "solutions": {"language": [2, 3], "solution": ["int main;", "print(int(input()) * 2)"]},
        **fields,
    }


def codeforces(**fields: Any) -> dict[str, Any]:
    return {
        "id": "900/A",
        "aliases": None,
        "contest_start": 1504432800,
        "time_limit": 1.0,
        "title": "Double",
        "description": "Double it.",
        "input_format": "A number.",
        "output_format": "Its double.",
        "interaction_format": None,
        "note": None,
        "editorial": None,
        "rating": 800,
        "examples": [{"input": "5", "output": "10"}],
        "official_tests": [{"input": "1\r\n", "output": "2\r\n"}, {"input": "2\r\n", "output": "4\r\n"}],
        "official_tests_complete": True,
        "input_mode": "stdio",
        "generated_checker": None,
        "executable": True,
        **fields,
    }


def packed(value: object) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


# CURE ---------------------------------------------------------------------------------------------------------


def test_the_number_of_a_cure_record_gets_the_name_of_its_set() -> None:
    task = kept("cure", cure())
    assert (task.problem.id, task.problem.source) == ("codecontests/3", "codecontests/3")
    assert hidden_of(task) == [("1\n", "2\n"), ("2\n", "4\n")]
    assert kept("cure", cure(task_id="mine-7")).problem.id == "mine-7"
    assert kept("cure", cure(task_id=0, dataset=None)).problem.id == "cure/0"


@pytest.mark.parametrize("solutions", [None, {"a": "b"}, "text", [1, None]])
def test_solutions_of_another_form_are_no_fault_of_a_record(solutions: object) -> None:
    assert kept("cure", cure(solutions=solutions)).problem.solutions == ()


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"test_input": [], "test_output": [], "example_input": [], "example_output": []}, "it has no test"),
        ({"test_output": ["2\n"]}, "2 test inputs and 1 outputs"),
        ({"question": None}, '"question" is missing or blank'),
        ({"question": ["text"]}, '"question" is no text'),
        ({"question": "a\ud800"}, "half of a character"),
        ({"test_input": ["1\0", "2"]}, "NUL"),
        ({"test_input": [{"a": 1}, "2"]}, "a test's input is no text"),
        ({"test_input": "1"}, '"test_input" is no list'),
        ({"test_time_limit": "1"}, '"test_time_limit" is no number'),
        ({"exe_method": "function"}, "it is run by function"),
        ({"question": "This is an interactive problem."}, "it is interactive"),
        ({"question": "If there are multiple answers, print any of them."}, "it accepts several answers"),
    ],
)
def test_a_record_that_no_task_can_be_made_of_is_dropped_with_its_reason(fields: dict[str, Any], what: str) -> None:
    assert what in reason("cure", cure(**fields))


def test_one_bad_record_does_not_stop_the_others() -> None:
    found = converted("cure", cure(), None, cure(task_id=4, question=7), [], cure(task_id=5))
    assert [isinstance(each, Kept) for each in found] == [True, False, True, False, True]
    (bad,) = convert("cure", [BadRow(0, 17, "an end is missing")])
    assert bad == Dropped("", 17, "it cannot be read: an end is missing")


def test_the_second_record_with_an_id_is_dropped() -> None:
    first, second = converted("cure", cure(), cure(question="Other."))
    assert isinstance(first, Kept)
    assert second == Dropped("codecontests/3", 2, "record 0 has the same id")


def test_line_ends_become_line_feeds_and_nothing_else_changes() -> None:
    task = kept("cure", cure(test_input=["\r\n a\\n b ", "2"], test_output=["x\r", "4"]))
    assert hidden_of(task) == [("\n a\\n b \n", "x\n"), ("2\n", "4\n")]
    assert kept("cure", cure(question="a\u2028b\r\nc")).problem.statement == "a\u2028b\nc"


def test_tests_are_capped_in_number_and_size_and_the_first_ones_stay() -> None:
    inputs = [f"{n}\n" for n in range(20)]
    many = kept("cure", cure(test_input=["x" * 2_000_000, *inputs], test_output=["x", *inputs]))
    assert [given for given, _ in hidden_of(many)] == [each for each in inputs if each != "5"][:8]
    assert many.notes == ("12 of 20 hidden tests left out", "1 tests of more than 1 MB left out")
    assert len(kept("cure", cure(test_input=inputs, test_output=inputs), max_tests=3).problem.hidden) == 3
    unread = cure(test_input=[Unread(9_000_000), "2\n"])
    assert hidden_of(kept("cure", unread)) == [("2\n", "4\n")], "a test that the reader left out is left out"
    assert reason(
        "cure", cure(test_input=["x" * 2_000_000], test_output=["x"], example_input=[], example_output=[])
    ) == ("all its tests are too large")


def test_repeated_tests_and_those_that_the_statement_shows_are_not_hidden() -> None:
    task = kept("cure", cure(test_input=["5\n", "1\n", "1\n"], test_output=["10\n", "2\n", "2\n"]))
    assert hidden_of(task) == [("1\n", "2\n")]
    alone = kept("cure", cure(test_input=["5\n"], test_output=["10\n"]))
    assert hidden_of(alone) == [("5\n", "10\n")], "without it nothing would judge a program"
    assert alone.problem.public == ()


def test_a_time_limit_is_multiplied_and_a_date_filters() -> None:
    assert kept("cure", cure(test_time_limit=2), time_factor=2.5).problem.time_limit == 5.0
    assert "not released after 2024-01-01" in reason("cure", cure(released="2023-12-31"), after="2024-01-01")
    assert "not released after" in reason("cure", cure(), after="2024-01-01"), "unknown dates do not count as new"
    assert kept("cure", cure(released="2024-01-02"), after="2024-01-01").problem.released == "2024-01-02"


def test_a_converted_task_comes_back_from_its_file() -> None:
    problem = kept("cure", cure(released="2024-01-02", compare="tokens", solutions=["print(1)"])).problem
    assert parse_cure_record(to_cure_record(problem), "here") == problem


def test_any_letter_case_and_tolerances_are_compared_as_tokens() -> None:
    words = "You can output the answer in any case."
    assert kept("cure", cure(question=words)).problem.compare == "tokens"
    words = "Your answer is right if its absolute or relative error is at most 1e-6."
    assert kept("cure", cure(question=words)).problem.compare == "tokens"
    assert kept("cure", cure()).problem.compare == ""


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ConfigError, match="mbpp-sanitized"):
        convert("mbp", [])


# LiveCodeBench and LiveBench ------------------------------------------------------------------------------------


def test_the_real_row_of_livecodebench_unpacks_its_private_tests(executor: Executor) -> None:
    (task,) = real("livecodebench", "livecodebench.jsonl", executor).values()
    assert isinstance(task, Kept)
    assert (task.problem.id, task.problem.released, task.problem.compare) == ("lcb/1873_A", "2023-08-21", "tokens")
    assert hidden_of(task)[0] == ("1\nabc\n", "YES\n")
    assert all(test.output.strip() for test in task.problem.hidden)


def test_private_tests_come_as_json_or_packed() -> None:
    tests = json.dumps([{"input": "2\n", "output": "4\n", "testtype": "stdin"}])
    for private in (tests, packed(tests), base64.b64encode(zlib.compress(pickle.dumps(tests, 2))).decode()):
        assert hidden_of(kept("livecodebench", question(private_test_cases=private))) == [("2\n", "4\n")]


class Harmful:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.system, ("touch /tmp/it-was-executed",)


@pytest.mark.parametrize(
    ("private", "what"),
    [
        (packed(Harmful()), "a pickle of more than one string: refused"),
        (packed([{"input": "", "output": ""}]), "a pickle of more than one string: refused"),
        (packed(7), "refused"),
        (packed(b"bytes"), "refused"),
        (packed("no json"), "no JSON"),
        (packed('{"input": 1}'), "no list of objects"),
        (base64.b64encode(zlib.compress(b"\0" * 200_000_000, 9)).decode(), "unpack to more than 96 MB"),
        (base64.b64encode(zlib.compress(pickle.dumps("[]"))[:-3]).decode(), "cut short"),
        (base64.b64encode(zlib.compress(pickle.dumps("[]")[:-2])).decode(), "broken pickle"),
        (base64.b64encode(b"no zlib").decode(), "not zlib data"),
        ("!!!", "neither JSON nor base64"),
        ("[1, 2]", "no list of objects"),
    ],
)
def test_private_tests_of_another_form_are_refused_and_nothing_of_them_is_run(private: str, what: str) -> None:
    import os

    assert what in reason("livecodebench", question(private_test_cases=private))
    assert not os.path.exists("/tmp/it-was-executed")


def test_a_function_of_livecodebench_reads_lines_with_the_types_of_its_starter_code() -> None:
    calls = [{"input": "[1, 2]\n3", "output": "4", "testtype": "functional"}] * 2
    calls[1] = calls[1] | {"input": "[]\n5", "output": "6"}
    record = question(
        starter_code="class Solution:\n    def f(self, nums: List[int], k: int) -> int:\n        ",
        metadata='{"func_name": "f"}',
        public_test_cases=json.dumps(calls[:1]),
        private_test_cases=json.dumps(calls[1:]),
    )
    task = kept("livecodebench", record)
    assert [each.input for each in (*task.problem.public, *task.problem.hidden)] == ["1 2\n3\n", "\n5\n"]
    assert "- line 1: nums, integers separated by blanks, an empty line if there are none" in task.problem.statement
    assert [each.input for each in kept("livecodebench", record, style="json").problem.hidden] == ["[]\n5\n"]


def test_tasks_with_known_faults_are_dropped() -> None:
    assert reason("livecodebench", question(question_id="abc311_c")) == "it accepts several answers"
    assert kept("livecodebench", question(question_id="abc311_c"), keep_ambiguous=True)
    assert reason("livecodebench", question(question_id="abc337_e"), keep_ambiguous=True) == "it is interactive"
    assert "known to be wrong" in reason("livecodebench", question(question_title="Most Frequent IDs"))


def livebench(**fields: Any) -> dict[str, Any]:
    inner = question()
    tests = {name: inner.pop(name) for name in ("public_test_cases", "private_test_cases")}
    return {
        "task": "LCB_generation",
        "original_json": inner | {"contest_date": datetime(2023, 8, 21, tzinfo=UTC)},
        "release_date": "2024-06-24",
        "livebench_removal_date": "",
        **tests,
        **fields,
    }


def test_a_task_of_livebench_is_its_question_without_the_partial_program() -> None:
    task = kept("livebench", livebench(task="coding_completion", partial_solution="n = int("))
    assert (task.problem.id, task.problem.released, task.problem.dataset) == ("lcb/abc900_a", "2024-06-24", "livebench")
    assert "n = int(" not in task.problem.statement
    assert "its partial program is left out" in task.notes


def test_a_question_in_both_tasks_of_livebench_is_kept_once() -> None:
    found = converted("livebench", livebench(), livebench(task="coding_completion"))
    assert [type(each) for each in found] == [Kept, Dropped]


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"livebench_removal_date": "2025-01-01"}, "removed"),
        ({"code_prompt": "def f():"}, "April 2025"),
        ({"original_json": None}, '"original_json" is missing'),
        ({"original_json": "no json"}, "is no JSON"),
        ({"task": "agentic_coding"}, "agentic_coding"),
    ],
)
def test_other_records_of_livebench_are_dropped(fields: dict[str, Any], what: str) -> None:
    assert what in reason("livebench", livebench(**fields))


# CodeContests and Codeforces ------------------------------------------------------------------------------------


def test_the_pools_of_codecontests_become_examples_and_hidden_tests(executor: Executor) -> None:
    task = kept("codecontests", contest(), executor)
    assert [each.input for each in task.problem.public] == ["5\n"]
    assert hidden_of(task) == [("1\n", "2\n"), ("2\n", "4\n"), ("3\n", "6\n")]
    assert (task.problem.time_limit, task.verdict) == (1.5, "verified")
    assert task.problem.solutions == ("print(int(input()) * 2)",)


def test_real_rows_of_codecontests_are_kept_or_dropped_with_a_reason(executor: Executor) -> None:
    found = real("codecontests", "codecontests.jsonl", executor, split="test")
    assert len(found) == 10
    assert {each.problem.dataset for each in found.values() if isinstance(each, Kept)} == {"codecontests/test"}
    assert all(
        each.reason.startswith("it accepts several answers") for each in found.values() if isinstance(each, Dropped)
    )


@pytest.mark.parametrize("limit", [None, {"seconds": 0, "nanos": 0}])
def test_a_time_limit_of_codecontests_may_be_absent(limit: object) -> None:
    assert kept("codecontests", contest(time_limit=limit)).problem.time_limit == 2.0


def test_references_are_tried_until_one_passes_and_those_of_other_languages_are_not(executor: Executor) -> None:
    sources = ["print 1", "print(1)", "print(int(input()) * 2)"]
    task = kept("codecontests", contest(solutions={"language": [3, 3, 3], "solution": sources}), executor)
    assert (task.verdict, task.problem.solutions) == ("verified", (sources[2],))
    assert "1 of its references are no Python 3" in task.notes
    wrong = contest(solutions={"language": [3, 3], "solution": ["print(1)", "print(2)"]})
    assert reason("codecontests", wrong, executor).startswith("none of its 2 references passes: its reference prints")
    others = contest(solutions={"language": [2, 4], "solution": ["int main", "class A"]})
    assert kept("codecontests", others, executor).verdict == "unverified"


def test_a_difficulty_selects_the_source_and_files_are_dropped() -> None:
    assert "difficulty is above 2" in reason("codecontests", contest(), max_difficulty=2)
    assert kept("codecontests", contest(difficulty=0), max_difficulty=2)
    assert reason("codecontests", contest(input_file="input.txt")) == "it reads or writes a file"


def test_line_ends_of_codeforces_and_missing_last_ones_are_mended() -> None:
    task = kept("codeforces", codeforces())
    assert [(each.input, each.output) for each in task.problem.public] == [("5\n", "10\n")]
    assert hidden_of(task) == [("1\n", "2\n"), ("2\n", "4\n")]
    assert (task.problem.id, task.problem.released) == ("cf/900/A", "2017-09-03")
    assert task.problem.statement == "Double\n\nDouble it.\n\nInput\n\nA number.\n\nOutput\n\nIts double."


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"interaction_format": "Ask."}, "it is interactive"),
        ({"input_mode": "file"}, "it reads or writes a file"),
        ({"generated_checker": "import sys"}, "a checker judges them"),
        ({"official_tests_complete": False}, "cut short or missing"),
        ({"executable": False}, "cannot be executed"),
        ({"official_tests": ["1"]}, "a test is no object"),
    ],
)
def test_tasks_of_codeforces_that_no_plain_comparison_can_judge_are_dropped(fields: dict[str, Any], what: str) -> None:
    assert what in reason("codeforces", codeforces(**fields))


# TACO and nano --------------------------------------------------------------------------------------------------


def taco(**fields: Any) -> dict[str, Any]:
    return {
        "question": "Double it.",
        "solutions": json.dumps(["print(int(input()) * 2)"]),
        "input_output": json.dumps({"inputs": ["1\n", ["2"]], "outputs": ["2\n", ["4"]]}),
        "time_limit": "1.5 seconds",
        "date": "2019/05/31",
        "starter_code": "",
        **fields,
    }


def test_a_task_of_taco_has_its_limit_and_date_from_words(executor: Executor) -> None:
    task = kept("taco", taco(), executor)
    assert (task.problem.time_limit, task.problem.released, task.verdict) == (1.5, "2019-05-31", "verified")
    assert kept("taco", taco(time_limit=None, date=None)).problem.time_limit == 2.0


def test_tasks_of_tacos_test_split_that_need_a_judge_are_dropped_or_compared_loosely() -> None:
    found = list(convert("taco", [Row(index, index, taco()) for index in (4, 5, 18)], Options(split="test")))
    assert [each.problem.compare if isinstance(each, Kept) else each.reason for each in found] == [
        "", "it accepts several answers", "tokens",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"inputs": ["1"], "outputs": []}'])
def test_broken_tests_of_taco_drop_the_record(text: str) -> None:
    assert reason("taco", taco(input_output=text))


def test_nanos_tasks_stay_as_they_are() -> None:
    record = cure(task_id="letters-00", dataset="nano/heldout")
    assert kept("nano", record).problem == parse_cure_record(record | {"verdict": "unverified"}, "here")
    assert "must be a number" in reason("nano", record | {"test_time_limit": "1"})
