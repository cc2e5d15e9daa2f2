"""Query language: meaning, messages of wrong queries, and queries that survive being written down."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cure_tui.dashboard.rollouts.query import EVERYTHING, QueryError, completions, parse
from cure_tui.dashboard.rollouts.query_model import (
    FIELDS,
    FRACTIONS,
    REJECTIONS,
    STATUS_NAMES,
    WHOLE_NUMBERS,
    Bounds,
    Query,
)
from engine.prompts import RejectReason
from engine.runs.archive_filter import Order, RolloutFilter

readable = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)


def bounds_of(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Bounds]:
    def build(low: float | None, high: float | None, low_open: bool, high_open: bool) -> Bounds:
        return Bounds(low, high, low_open and low is not None, high_open and high is not None)

    maybe = st.none() | numbers
    return st.builds(build, maybe, maybe, st.booleans(), st.booleans())


whole = bounds_of(st.integers(-(10**15), 10**15))
fractions = bounds_of(st.floats(-1e15, 1e15).map(lambda number: number + 0.0))
queries = st.builds(
    Query,
    **dict.fromkeys(WHOLE_NUMBERS, whole),
    **dict.fromkeys(FRACTIONS, fractions),
    role=st.sampled_from(["", "coder", "tester"]),
    finished=st.sampled_from([None, True, False]),
    status=st.lists(st.sampled_from([*STATUS_NAMES, "rejected"]), unique=True, max_size=3).map(tuple),
    texts=st.lists(readable, unique=True, max_size=3).map(tuple),
    order=st.sampled_from(Order),
)
tasks = st.one_of(st.just(("", False)), st.tuples(readable, st.booleans()))


@given(queries, tasks)
def test_a_query_written_down_reads_as_the_same_query(query: Query, task: tuple[str, bool]) -> None:
    query = replace(query, task=task[0], task_whole=task[1])
    assert parse(str(query)) == query
    assert query.explain()


@given(st.text(max_size=40) | st.from_regex(r"(\w+[:<>=]{1,2}\S* ?){1,3}", fullmatch=True))
def test_any_text_is_a_query_or_one_line_that_says_where_it_is_wrong(text: str) -> None:
    try:
        query = parse(text)
    except QueryError as error:
        wrong = error
    else:
        assert parse(str(query)) == query
        assert isinstance(query.filter(), RolloutFilter)
        return
    assert 0 <= wrong.position <= len(text)
    assert f"character {wrong.position + 1}" in str(wrong)


def test_the_terms_of_a_query_reach_the_archive() -> None:
    query = parse('role:tester reward<0 status:time_limit text:"max(" step:3..10 task:numbers- tokens>200 finished:no')
    assert query.filter() == RolloutFilter(
        first_step=3,
        last_step=10,
        task_prefix="numbers-",
        role="tester",
        happened=("time_limit",),
        finished=False,
        max_reward=math.nextafter(0.0, -1.0),
        min_tokens=201,
        more_texts=("max(",),
    )
    assert parse("advantage>=1 step:5 task=numbers-1").filter() == RolloutFilter(
        first_step=5, last_step=5, task="numbers-1", min_advantage=1.0
    )


def test_bounds_of_one_field_hold_together() -> None:
    assert parse("step>3 step<=9 step>=4 step<20").filter() == RolloutFilter(first_step=4, last_step=9)


def test_words_are_texts_and_quotes_hold_blanks_fields_and_newlines() -> None:
    assert parse(r'max( print(x)==3 "for i" "role:coder" text:"a\nb" "say \"hi\""').texts == (
        "max(", "print(x)==3", "for i", "role:coder", "a\nb", 'say "hi"',
    )  # fmt: skip


def test_a_reward_is_found_by_the_digits_that_a_list_shows() -> None:
    third = parse("reward:0.33").reward
    assert third.low is not None
    assert third.high is not None
    assert third.low < 1 / 3 < third.high
    assert parse("reward=0.5").reward == Bounds(0.5, 0.5)
    one = parse("reward:1").reward
    assert one.low is not None
    assert one.low > 0.9


def test_statuses_are_those_of_answers_and_of_executions() -> None:
    assert set(REJECTIONS) == {str(reason) for reason in RejectReason}
    assert parse("status:rejected").filter().happened == REJECTIONS
    assert parse("status:timeout,crash").status == ("time_limit", "crash")


@pytest.mark.parametrize(
    ("text", "position", "words"),
    [
        ("role:coder rol:x", 11, "unknown field 'rol': fields are step, task, role"),
        ("rol:x", 0, "did you mean role?"),
        ("x=1", 0, 'write "x=..." in quotes'),
        ("role:judge", 5, "known are coder, tester"),
        ("status:timelimit", 7, "time_limit"),
        ("step:2.5", 5, "whole number"),
        ("step:9..3", 5, "step:3..9"),
        ("reward<", 0, "needs a value: reward<0"),
        ("reward:abc", 7, "must be a number"),
        ("tokens>99999999999999999999", 7, "out of range for tokens"),
        ("role<coder", 0, "role takes : or =, not <"),
        ("role:coder role:tester", 11, "twice"),
        ('max "open', 4, "unclosed quote"),
        ("sort:size", 5, "-reward"),
        ("reward:nan", 7, "must be a number"),
    ],
)
def test_an_error_says_what_is_wrong_where_and_what_is_known(text: str, position: int, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.position == position
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_query_in_words() -> None:
    assert EVERYTHING.explain() == "all rollouts; newest steps first"
    assert parse("role:tester reward<0 max( sort:tokens").explain() == (
        'tests; reward under 0; answer contains "max("; shortest first'
    )


def test_suggestions_continue_the_term_that_is_typed() -> None:
    assert completions("role:coder st") == ("role:coder status:", "role:coder step:")
    assert completions("role:") == ("role:coder", "role:tester")
    assert completions("status:ok,t") == ("status:ok,too_large", "status:ok,time_limit")
    assert completions("task:num", ["numbers-1", "words-1"]) == ("task:numbers-1",)
    assert completions('"role:') == ()
    assert {text.split(":")[0].rstrip("<>0") for text in completions("")} == set(FIELDS)


@given(st.text(max_size=20))
def test_suggestions_begin_with_what_is_typed_before(text: str) -> None:
    before = text + " "
    if '"' not in text:
        assert all(each.startswith(before) for each in completions(before))
