"""Scripted sampler, with a task and answers to it: for tests of everything after sampling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engine.problems import IOExample, Problem
from engine.prompts import Role
from engine.sampling import Completion, Delta, OnDelta, Request, SamplingParams
from tests.engine.sections import rollout_settings

DOUBLE = "print(int(input()) * 2)"
SQUARE = "print(int(input()) ** 2)"
CRASH = "print(1 // 0)"

PROBLEM = Problem(
    id="double",
    statement="Print twice the number.",
    public=(),
    hidden=(IOExample("1\n", "2\n"), IOExample("3\n", "6\n")),
    solutions=(DOUBLE,),
)


def program(source: str) -> str:
    return f"```python\n{source}\n```"


def unit_test(text: str, output: str) -> str:
    return f"**Test Input:**\n```\n{text}\n```\n**Test Output:**\n```\n{output}\n```\n**Explanation:** so"


class ScriptedSampler:
    """Sampler that answers each request with the same texts; `unfinished` ones count as truncated."""

    def __init__(self, coder: Sequence[str], tester: Sequence[str], unfinished: Sequence[str] = ()) -> None:
        self._texts = {Role.CODER: coder, Role.TESTER: tester}
        self._unfinished = unfinished

    def sample(
        self, requests: Sequence[Request], params: SamplingParams, on_delta: OnDelta | None = None
    ) -> Iterator[Completion]:
        for request in requests:
            texts = self._texts[Role(request.id.split("/")[1])]
            for index in reversed(range(request.n)):
                text = texts[index]
                ids = tuple(range(1, len(text.split()) + 1))
                if on_delta is not None:
                    on_delta(Delta(request.id, index, ids))
                yield Completion(request.id, index, ids, (-1.0,) * len(ids), text not in self._unfinished, text)

    def rest(self) -> None:
        pass

    def close(self) -> None:
        pass


CODER = [program(DOUBLE), program(SQUARE), program(CRASH), "no code at all"]
TESTER = [unit_test("5", "10"), unit_test("2", "4"), unit_test("3", "9"), "no test at all"]
SETTINGS = rollout_settings(n_programs=4, m_tests=4)
