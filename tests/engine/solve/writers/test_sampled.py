"""Writer over a sampler: what is under way when the writing ends is handed over, and nobody waits for chatter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from engine.prompts import PromptStyle, Role
from engine.sampling import Completion, Delta, OnDelta, Request, SamplingParams
from engine.solve.fates import fate_of, program_of
from engine.solve.writers import Answer, Ask
from engine.solve.writers.sampled import SampledWriter
from tests.engine.solve.strategies.scripted import program, unit_test

DOUBLE = program("print(int(input()) * 2)")
CHATTER = "It is a good program, and I like it very much. " * 40
STEP = 8


class Characters:
    """Tokenizer whose tokens are characters."""

    special_tokens_map: dict[str, str] = {}

    def __init__(self, prompt: str = "Code:") -> None:
        self.chat_template = prompt

    def get_chat_template(self) -> str:
        return self.chat_template

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        return {"input_ids": [ord(letter) for letter in text]}

    def decode(self, token_ids: Sequence[int], **options: Any) -> str:
        return "".join(map(chr, token_ids))


class Streaming:
    """Sampler that draws its texts side by side, a few tokens each in turn."""

    def __init__(self, *texts: str) -> None:
        self._texts = texts
        self.drawn = 0

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        (request,) = requests
        assert on_delta is not None
        for place in range(0, max(map(len, self._texts)), STEP):
            for index, text in enumerate(self._texts):
                piece = tuple(map(ord, text[place : place + STEP]))
                if piece:
                    self.drawn += len(piece)
                    on_delta(Delta(request.id, index, piece))
                if 0 < len(text) - place <= STEP:
                    yield Completion(request.id, index, tuple(map(ord, text)), (0.0,) * len(text), True, text)

    def rest(self) -> None: ...

    def close(self) -> None: ...


def writer(sampler: Streaming, prompt: str = "Code:") -> SampledWriter:
    params = dict.fromkeys(Role, SamplingParams())
    return SampledWriter("w", sampler, Characters(prompt), params, PromptStyle.FULL, thinking=False)


def ask(n: int, role: Role = Role.CODER) -> Ask:
    return Ask("first", role, ({"role": "user", "content": "?"},), n, 0)


def test_answers_under_way_are_handed_over_when_the_writing_is_stopped() -> None:
    writing = writer(Streaming("one of two steps", CHATTER, CHATTER))
    found: list[Answer] = []
    for answer in writing.write([ask(3)]):
        found.append(answer)
        writing.stop()
    assert [(answer.index, answer.finished) for answer in found] == [(0, True), (1, False), (2, False)]
    assert [fate_of(program_of(answer, in_thought=False)) for answer in found[1:]] == ["stopped", "stopped"]
    assert found[2].text == CHATTER[: found[2].tokens] != ""
    assert [answer.index for answer in writing.write([ask(3)])] == [0, 1, 2]  # the next writing is not stopped


@pytest.mark.parametrize(("role", "text"), [(Role.CODER, DOUBLE), (Role.TESTER, unit_test("3", "6"))])
def test_chatter_behind_a_closed_answer_is_not_waited_for(role: Role, text: str) -> None:
    sampler = Streaming(text + CHATTER, text)
    found = {answer.index: answer for answer in writer(sampler).write([ask(2, role)])}
    assert found.keys() == {0, 1}
    assert found[0].finished
    assert found[0].text.startswith(text)
    assert sampler.drawn < len(text + CHATTER)


def test_an_answer_that_is_complete_ends_alone_while_others_go_on() -> None:
    class Ending(Streaming):
        ended: set[int] = set()

        def sample(
            self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
        ) -> Iterator[Completion]:
            (request,) = requests
            assert on_delta is not None
            for place in range(0, max(map(len, self._texts)), STEP):
                for index, text in enumerate(self._texts):
                    piece = tuple(map(ord, text[place : place + STEP]))
                    if not piece or index in self.ended:
                        continue
                    if on_delta(Delta(request.id, index, piece)):
                        self.ended.add(index)
                        said = text[: place + STEP]
                        yield Completion(request.id, index, tuple(map(ord, said)), (0.0,) * len(said), False, said)
                    elif len(text) - place <= STEP:
                        yield Completion(request.id, index, tuple(map(ord, text)), (0.0,) * len(text), True, text)

    slow = CHATTER * 2 + DOUBLE
    sampler = Ending(DOUBLE + CHATTER * 2, slow)
    found = {answer.index: answer for answer in writer(sampler).write([ask(2)])}
    assert sampler.ended == {0}
    assert (found[0].finished, found[1].finished) == (True, True)
    assert len(DOUBLE) < found[0].tokens < len(DOUBLE + CHATTER)
    assert found[1].text == slow


def test_a_model_that_may_still_correct_itself_is_waited_for() -> None:
    corrected = DOUBLE + CHATTER[:300] + DOUBLE.replace("* 2", "* 3")
    (answer,) = writer(Streaming(corrected)).write([ask(1)])
    assert answer.text == corrected
    (answer,) = writer(Streaming(CHATTER)).write([ask(1)])
    assert answer.text == CHATTER


def test_an_answer_knows_whether_its_prompt_opened_a_thought() -> None:
    for prompt, opened in (("assistant\n<think>\n", True), ("assistant\n<think>\n\n</think>\n\n", False)):
        (answer,) = writer(Streaming(DOUBLE), prompt).write([ask(1)])
        assert answer.in_thought is opened
