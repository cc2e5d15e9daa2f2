"""Parts of an evaluation: whose answers to each task there are, and how many: coder, tester, and those of the arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.evaluate.answers import answer_key, group_key
from engine.evaluate.models import Model
from engine.evaluate.request import EvalRequest
from engine.evaluation.report import BASELINE, CODER, ONE_SHOT, TESTER
from engine.problems import Problem
from engine.prompts import Role
from engine.seeds import derive_seed
from engine.solve.writers import Ask

ROLES: Mapping[str, Role] = {
    CODER: Role.CODER,
    TESTER: Role.TESTER,
    BASELINE: Role.TESTER,
    ONE_SHOT: Role.CODER,
}


@dataclass(frozen=True, slots=True)
class Part:
    """Answers that one model gives in one role, `count` to a task. name: CODER, TESTER, BASELINE or ONE_SHOT."""

    name: str
    model: Model
    count: int

    @property
    def role(self) -> Role:
        return ROLES[self.name]

    def group(self, problem: Problem, request: EvalRequest) -> str:
        """Name the group of the answers to a task by all that they depend on."""
        params = self.model.params.of(self.role)
        sampling = [params.temperature, params.top_p, params.max_new_tokens, self.model.thinking]
        spec = str(self.model.spec)
        identity = {name: value for name, value in request.identity.items() if name.endswith(spec)}
        prompt = [problem.id, list(self.model.messages(problem, self.role))]
        return group_key([prompt, spec, identity, sampling, self._purpose, request.seed])

    def keys(self, problem: Problem, request: EvalRequest) -> list[str]:
        """Return the keys of the answers to a task."""
        group = self.group(problem, request)
        return [answer_key(group, index) for index in range(self.count)]

    def ask(self, place: int, problem: Problem, seed: int, known: frozenset[int]) -> Ask:
        """Return the question to the task at `place` of its chunk. known: indices of answers that are here."""
        own_seed = derive_seed(seed, self._purpose, problem.id)
        messages = self.model.messages(problem, self.role)
        return Ask(f"{place}/{self.name}", self.role, messages, self.count, own_seed, known)

    @property
    def _purpose(self) -> str:
        """Role, and the name of an arm: no answer is drawn as one of another part is."""
        return str(self.role) if self.name in (CODER, TESTER) else f"{self.role} of {self.name}"


def parts_of(request: EvalRequest, models: Mapping[str, Model]) -> tuple[Part, ...]:
    """Return the parts of a request. models: by the names of parts."""
    counts = {CODER: request.n, TESTER: request.m, BASELINE: request.m, ONE_SHOT: 1}
    return tuple(Part(name, models[name], counts[name]) for name in request.specs)


def place_and_part(ask_id: str) -> tuple[int, str]:
    """Read the id of a `Part.ask`: the task's place in its chunk, and the part's name."""
    place, _, name = ask_id.partition("/")
    return int(place), name
