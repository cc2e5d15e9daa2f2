"""Writer over a `Sampler`: a model in this process or in vLLM, prompted through its tokenizer's chat template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.prompts import ChatTokenizer, PromptStyle, Role, encode_prompt
from engine.sampling import Request, Sampler, SamplingParams
from engine.solve.writers.writer import Answer, Ask


class SampledWriter:
    """Writer that answers all asks of one role in one call of its sampler, which batches them.

    params: sampling parameters of each role; one writer may play both.
    """

    def __init__(
        self,
        name: str,
        sampler: Sampler,
        tokenizer: ChatTokenizer,
        params: Mapping[Role, SamplingParams],
        style: PromptStyle,
        thinking: bool,
    ) -> None:
        self.name, self.style = name, style
        self._sampler, self._tokenizer, self._params, self._thinking = sampler, tokenizer, params, thinking

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        for role in Role:
            own = [ask for ask in asks if ask.role is role]
            if own:
                yield from self._write_as(role, own)

    def _write_as(self, role: Role, asks: Sequence[Ask]) -> Iterator[Answer]:
        requests = {
            ask.id: Request(ask.id, encode_prompt(self._tokenizer, ask.messages, self._thinking), ask.n, ask.seed)
            for ask in asks
        }
        for completion in self._sampler.sample(list(requests.values()), self._params[role]):
            yield Answer(
                ask_id=completion.request_id,
                role=role,
                index=completion.index,
                text=completion.text,
                prompt_tokens=len(requests[completion.request_id].prompt_ids) if completion.index == 0 else 0,
                tokens=len(completion.token_ids),
                finished=completion.finished,
            )

    def close(self) -> None:
        self._sampler.close()
