"""Typed replies: whatever JSON a server sends, it is an answer or one sentence."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.servers.replies import (
    ChatReply,
    ChatStream,
    Finish,
    NotAReply,
    ReportedError,
    one_line,
    read_error,
    read_models,
    read_piece,
)

USAGE = {"prompt_tokens": 7, "completion_tokens": 3}


def completion(message: object, finish: object = "stop", **fields: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": USAGE, **fields}


def read_chat(body: object) -> ChatReply:
    stream = ChatStream()
    stream.add(body if isinstance(body, bytes) else json.dumps(body).encode())
    return stream.reply()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("plain", "plain"),
        ("", ""),
        (None, None),
        ([], ""),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        (["a", {"type": "output_text", "text": "b"}, {"type": "image_url", "image_url": {}}], "ab"),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "b"}], "b"),
        ([{"type": "text", "text": None}], ""),
    ],
)
def test_content_is_a_text_nothing_or_a_list_of_parts(content: object, text: str | None) -> None:
    assert read_chat(completion({"content": content})).text == text


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_thoughts_beside_the_content_are_kept(name: str) -> None:
    reply = read_chat(completion({"content": "", name: "hm"}, "length"))
    assert (reply.text, reply.reasoning, reply.finish) == ("", "hm", Finish.LENGTH)
    assert read_chat(completion({"content": "x", name: 3})).reasoning == ""  # what is no text is no thought


@pytest.mark.parametrize(
    ("told", "finish"),
    [
        ("stop", Finish.STOP),
        ("eos_token", Finish.STOP),
        ("max_tokens", Finish.LENGTH),
        ("content_filter", Finish.FILTER),
        ("tool_calls", Finish.TOOL),
        (None, Finish.UNKNOWN),
        ("weary", Finish.UNKNOWN),
        (7, Finish.UNKNOWN),
        ([], Finish.UNKNOWN),
    ],
)
def test_the_reason_of_an_end_is_typed(told: object, finish: Finish) -> None:
    assert read_chat(completion({"content": "x"}, told)).finish is finish


def test_a_refusal_is_none_of_the_answers_text() -> None:
    reply = read_chat(completion({"content": None, "refusal": "no"}))
    assert (reply.text, reply.refused) == (None, True)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        "many",
        {},
        {"prompt_tokens": None, "completion_tokens": None},
        {"prompt_tokens": "7", "completion_tokens": True},
        {"prompt_tokens": -1, "completion_tokens": 1e300},
        {"prompt_tokens": float("nan"), "completion_tokens": float("inf")},
        {"prompt_tokens": 10**30, "completion_tokens": 0.5},
    ],
)
def test_a_number_of_tokens_that_is_none_is_not_reported(usage: object) -> None:
    reply = read_chat(completion({"content": "x"}, usage=usage))
    assert (reply.text, reply.prompt_tokens, reply.tokens) == ("x", None, None)


def test_whole_numbers_are_tokens_however_they_are_written() -> None:
    reply = read_chat(completion({"content": "x"}, usage={"prompt_tokens": 7.0, "completion_tokens": 3}))
    assert (reply.prompt_tokens, reply.tokens) == (7, 3)


NOT_REPLIES: dict[str, tuple[object, str]] = {
    "page": (b"  <!DOCTYPE html><html>", "a web page"),
    "nothing": (b"", "empty"),
    "half": (b'{"choices": [{"mess', "no JSON"),
    "latin-1": ('{"choices": "\xe9"}'.encode("latin-1"), "not UTF-8"),
    "list": ([1], "not an object"),
    "number": (7, "not an object"),
    "deep": (b"[" * 200_000, "no JSON"),
    "long number": (b'{"a": ' + b"9" * 10_000 + b"}", "no JSON"),
    "no choices": ({}, "without choices"),
    "empty choices": ({"choices": []}, "without choices"),
    "choices null": ({"choices": None}, "without choices"),
    "choices a text": ({"choices": "x"}, "no list of objects"),
    "choice null": ({"choices": [None]}, "no list of objects"),
    "message a text": (completion("x"), "a message that is a text"),
    "message a list": (completion([1]), "a message that is a list"),
    "content a number": (completion({"content": 7}), "content that is a number"),
    "content true": (completion({"content": True}), "content that is true or false"),
    "content an object": (completion({"content": {"text": "x"}}), "content that is an object"),
    "part a number": (completion({"content": [7]}), "a part of the content that is a number"),
    "text a list": (completion({"content": [{"type": "text", "text": []}]}), "a text that is a list"),
}


@pytest.mark.parametrize(("body", "words"), NOT_REPLIES.values(), ids=NOT_REPLIES)
def test_what_is_no_reply_is_told_in_one_sentence(body: object, words: str) -> None:
    with pytest.raises(NotAReply, match=words) as caught:
        read_chat(body)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("error", ["boom", {"message": "boom"}, {"error": {"message": "boom"}}, {"detail": "boom"}])
def test_an_error_with_status_200_is_an_error(error: object) -> None:
    with pytest.raises(ReportedError, match="reports an error: boom"):
        read_chat({"error": error})


def test_of_two_keys_of_one_name_the_last_one_counts() -> None:
    assert read_chat(b'{"choices": [], "choices": [{"message": {"content": "a", "content": "b"}}]}').text == "b"


def test_halves_of_surrogate_pairs_become_text_that_can_be_written() -> None:
    reply = read_chat(completion({"content": "a\ud83db", "reasoning": "\udc00"}))
    assert (reply.text, reply.reasoning) == ("a�b", "�")


def test_a_stream_is_an_answer_in_pieces() -> None:
    stream = ChatStream()
    events: list[dict[str, Any]] = [
        {"choices": [{"delta": {"role": "assistant", "content": None, "reasoning_content": "hm"}}]},
        {"choices": [{"delta": {"content": "a\ud83d"}}]},
        {"choices": [{"delta": {"content": "\ude00"}}]},
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        {"choices": [], "usage": USAGE},
    ]
    for event in events:
        assert stream.ended is ("usage" in event)
        stream.add(json.dumps(event).encode())
    assert stream.pieces == 3
    assert stream.reply() == ChatReply("a\U0001f600", "hm", Finish.LENGTH, False, 7, 3)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["choices", "message", "delta", "content", "text", "type", "usage", "prompt_tokens", "completion_tokens",
             "finish_reason", "error", "refusal", "reasoning", "data", "id", "parent", "logprobs", "token_ids",
             "token_logprobs"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(_JSON | st.builds(lambda choice: {"choices": [choice]}, _JSON))
def test_no_json_whatever_gets_past_the_border(body: object) -> None:
    data = json.dumps(body).encode()
    for read in (read_chat, read_piece, read_models):
        with contextlib.suppress(NotAReply):
            read(data)
    read_error(data).encode()


@given(st.binary(max_size=60))
def test_no_bytes_whatever_get_past_the_border(data: bytes) -> None:
    for read in (read_chat, read_piece, read_models):
        with contextlib.suppress(NotAReply):
            read(data)
    assert one_line(read_error(data)).isprintable()


@pytest.mark.parametrize(
    "choice",
    [
        {"token_ids": [1, 2], "logprobs": {"token_logprobs": [-0.1, float("nan")]}},
        {"token_ids": [1, 2], "logprobs": {"token_logprobs": [-0.1, None]}},
        {"token_ids": [1, 2], "logprobs": {"token_logprobs": [-0.1, 5.0]}},
        {"token_ids": [1, 2], "logprobs": {"token_logprobs": [-0.1, float("-inf")]}},
        {"token_ids": [1, -2], "logprobs": {"token_logprobs": [-0.1, -0.1]}},
        {"token_ids": [1, "2"], "logprobs": {"token_logprobs": [-0.1, -0.1]}},
        {"token_ids": [1, 2.5], "logprobs": {"token_logprobs": [-0.1, -0.1]}},
    ],
)
def test_tokens_and_log_probs_that_are_none_never_reach_the_training(choice: object) -> None:
    with pytest.raises(NotAReply):
        read_piece(json.dumps({"choices": [choice]}).encode())


def test_the_end_of_a_long_error_is_not_brought_to_its_front_by_taking_out_blanks() -> None:
    said = read_error(json.dumps({"error": " " * 65_530 + "key"}).encode())
    assert said == "key"
