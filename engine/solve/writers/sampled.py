"""Writer over a `Sampler`: a model in this process or in vLLM, prompted through its tokenizer's chat template."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence

from engine.prompts import (
    ChatTokenizer,
    Program,
    Role,
    Style,
    UnitTest,
    encode_prompt,
    opens_thought,
    read_program,
    read_unit_test,
)
from engine.sampling import Delta, OnDelta, Request, Sampler, SamplingParams
from engine.sampling.answer_text import answer_text
from engine.solve.writers.writer import Answer, Ask

_LOOK_EVERY = 64
"""Tokens between two looks at whether an answer is complete; shorter answers are never looked at."""
_ROOM_FOR_A_CORRECTION = 600
"""Characters behind the last block within which a model that corrects itself opens another one."""


class _Ended(Exception):
    """Raised within a sampler's call to end it: the answers under way are wanted as they are."""


class SampledWriter:
    """Writer that answers all asks of one role and temperature in one call of its sampler, which batches them.

    A model that goes on writing after its program or test is not waited for: an answer that holds one, with text of
    _ROOM_FOR_A_CORRECTION behind it, ends there if the sampler can end it alone; once all answers under way are such,
    the call ends. params: sampling parameters of each role; one writer may play both. whole: wait for the end of every
    answer all the same, as a measurement must. step: of the run that has trained the model; None for one that no run
    has. on_delta: sees all tokens.
    """

    def __init__(
        self,
        name: str,
        sampler: Sampler,
        tokenizer: ChatTokenizer,
        params: Mapping[Role, SamplingParams],
        style: Style,
        thinking: bool,
        *,
        whole: bool = False,
        step: int | None = None,
        on_delta: OnDelta | None = None,
    ) -> None:
        self.name, self.style, self.step = name, style, step
        self._sampler, self._tokenizer, self._params, self._thinking = sampler, tokenizer, params, thinking
        self._whole, self._on_delta = whole, on_delta
        self._stopped = threading.Event()

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        self._stopped.clear()
        for role in Role:
            for temperature in dict.fromkeys(ask.temperature for ask in asks if ask.role is role):
                own = [ask for ask in asks if ask.role is role and ask.temperature == temperature]
                if not self._stopped.is_set():
                    yield from self._write_as(role, own, self._params[role].at(temperature))

    def stop(self) -> None:
        self._stopped.set()

    def close(self) -> None:
        self._sampler.close()

    def _write_as(self, role: Role, asks: Sequence[Ask], params: SamplingParams) -> Iterator[Answer]:
        requests = {ask.id: Request(ask.id, self._prompt(ask), ask.n, ask.seed, ask.absent) for ask in asks}
        openings = {ask.id: ask.opening for ask in asks}
        in_thought = {name: opens_thought(self._tokenizer, each.prompt_ids) for name, each in requests.items()}
        under_way: dict[tuple[str, int], list[int]] = {(ask.id, index): [] for ask in asks for index in ask.indices}
        settled: set[tuple[str, int]] = set()

        def answer(key: tuple[str, int], text: str, tokens: int, *, finished: bool, stopped: bool = False) -> Answer:
            name, index = key
            prompt_tokens = len(requests[name].prompt_ids) if index == 0 else 0
            return Answer(
                name, role, index, openings[name] + text, prompt_tokens, tokens, finished=finished,
                in_thought=in_thought[name], stopped=stopped,
            )  # fmt: skip

        def take(delta: Delta) -> bool:
            if self._on_delta is not None:
                self._on_delta(delta)
            key = delta.request_id, delta.index
            tokens = under_way[key]
            looks = len(tokens) // _LOOK_EVERY
            tokens += delta.token_ids
            if len(tokens) // _LOOK_EVERY > looks and self._is_settled(role, tokens, in_thought[key[0]]):
                settled.add(key)
            if self._stopped.is_set() or len(settled) == len(under_way):
                raise _Ended
            return key in settled

        try:
            for completion in self._sampler.sample(list(requests.values()), params, take):
                key = completion.request_id, completion.index
                del under_way[key]
                finished = completion.finished or key in settled
                settled.discard(key)
                yield answer(key, completion.text, len(completion.token_ids), finished=finished)
        except _Ended:
            for key, tokens in under_way.items():
                if tokens:
                    whole = key in settled
                    yield answer(key, self._text(tokens), len(tokens), finished=whole, stopped=not whole)

    def _prompt(self, ask: Ask) -> tuple[int, ...]:
        prompt = encode_prompt(self._tokenizer, ask.messages, self._thinking)
        if not ask.opening:
            return prompt
        return *prompt, *map(int, self._tokenizer(ask.opening, add_special_tokens=False)["input_ids"])

    def _is_settled(self, role: Role, tokens: Sequence[int], in_thought: bool) -> bool:
        text = "" if self._whole else self._text(tokens)
        if len(text) - text.rfind("```") < _ROOM_FOR_A_CORRECTION:
            return False
        read = read_program if role is Role.CODER else read_unit_test
        return isinstance(read(text, in_thought=in_thought, finished=False), Program | UnitTest)

    def _text(self, tokens: Sequence[int]) -> str:
        return answer_text(self._tokenizer, tokens)
