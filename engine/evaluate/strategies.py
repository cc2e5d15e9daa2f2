"""Strategies over the answers of an evaluation: what each one chooses, and what that takes.

Ways that sample everything at once choose from the answers that are here, at every size. The others run as in solving;
their first questions are answered from the same answers, so that all ways are compared on one board, and further ones
are asked and kept in the journal: an evaluation that is resumed asks none of them again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.errors import CureError
from engine.evaluate.answers import AnswerJournal, answer_key, group_key
from engine.evaluate.boards import Sampled, Size, outcomes_of
from engine.evaluate.models import Model
from engine.evaluate.request import EvalRequest
from engine.evaluate.tasks import Task
from engine.evaluate.ways import Way, followed
from engine.evaluate.writing import Writers
from engine.evaluation.report import CODER, TESTER, Choice
from engine.prompts import Program, Role
from engine.rollouts.executing import Runner, execute, inputs_of
from engine.rollouts.filling import FilledTask
from engine.sandbox import Status, passes
from engine.solve.strategies import Bench, Solution, solve
from engine.solve.writers import Answer, Ask

_CONVERSED = "w"
"""First character of the keys of further answers, which tells them from a board's in the journal."""


class Unanswered(Exception):
    """End of a strategy without the answers that it needs: the writing was ended, or nothing is to be sampled."""


class _Fault(Exception):
    """Fault of a writer, which must end the evaluation: a session would choose from what it has."""

    def __init__(self, error: CureError) -> None:
        super().__init__(str(error))
        self.error = error


class Strategies:
    """Strategies of one evaluation. samples: False leaves out tasks whose further answers are not in the journal."""

    def __init__(
        self,
        request: EvalRequest,
        models: Mapping[str, Model],
        answers: AnswerJournal,
        writers: Writers,
        runner: Runner,
        *,
        samples: bool,
    ) -> None:
        self._request, self._models, self._answers, self._writers = request, models, answers, writers
        self._runner, self._samples = runner, samples
        self._ways, self.left_out = followed(request.strategies, models[CODER], models[TESTER])
        few = min(request.n, request.m)
        squares = [(k, k) for k in (1 << power for power in range(few.bit_length())) if k <= few]
        self._sizes = sorted({*squares, *request.sizes})
        self._lock = threading.Lock()

    @property
    def names(self) -> set[str]:
        """Names of the ways that every row has."""
        return {way.name for way in self._ways}

    def spend(self, task: Task, filled: FilledTask) -> dict[str, dict[str, Choice]]:
        """Return what each way chooses, by name and size. Raises Unanswered, and CureError of a writer."""
        if not self._ways:
            return {}
        outcomes = outcomes_of(filled, self._runner)
        sampled = Sampled(filled, outcomes, task.judging, task.of(CODER), task.of(TESTER))
        choices = sampled.choices([way for way in self._ways if way.is_choice], self._sizes)
        return {
            way.name: choices[way.name] if way.is_choice else self._process(way, task, self._request.sizes)
            for way in self._ways
        }

    def _process(self, way: Way, task: Task, sizes: Sequence[Size]) -> dict[str, Choice]:
        """Run a way that asks as it goes on, once at each size that leaves it room."""
        found = {}
        for n, m in sizes:
            if (fitting := way.within(n, m)) is None:
                continue
            strategy, k = fitting
            coder, tester = (self._models[name] for name in (CODER, TESTER))
            writer = _Replay(self, task, coder)  # one for both roles of one model, which answers one after the other
            other = writer if tester.spec == coder.spec else _Replay(self, task, tester)
            bench = Bench(
                task.problem, task.problem.statement, writer, other, self._runner, k, k,
                seed=self._request.seed, selector=way.selector,
            )  # fmt: skip
            try:
                solution = solve(strategy, bench)
            except _Fault as fault:
                raise fault.error from fault
            costs = [stage.cost for stage in solution.trail]
            found[f"{n}x{m}"] = Choice(
                self._is_right(solution, task),
                float(sum(cost.answers for cost in costs)),
                float(sum(cost.tokens for cost in costs)),
                float(sum(cost.prompt_tokens for cost in costs)),
            )
        return found

    def _is_right(self, solution: Solution, task: Task) -> float | None:
        """Judge the chosen program by the ground truth; None where the sandbox lost an execution."""
        source = None if solution.chosen is None else solution.candidates[solution.chosen].source
        if source is None:
            return 0.0
        problem = task.problem
        outcomes = execute(Program(source), inputs_of(problem.hidden), self._runner, problem.time_limit).by_input()
        if any(outcome.status is Status.INFRASTRUCTURE for outcome in outcomes.values()):
            return None
        return float(all(passes(outcomes[test.input], test.output, task.judging) for test in problem.hidden))

    # Answers, in the threads of a session's batches --------------------------------------------------------------

    def known(self, task: Task, model: Model, ask: Ask) -> dict[int, Answer]:
        """Return the answers to a question that are here, by index."""
        with self._lock:
            keys = {index: self._key(task, model, ask, index) for index in ask.indices}
            found = {index: self._answers.get(key, ask.id) for index, key in keys.items() if key in self._answers}
        if _is_first(ask):
            board = task.answers[CODER if ask.role is Role.CODER else TESTER]
            found |= {index: replace(board[index], ask_id=ask.id) for index in ask.indices if index in board}
        return found

    def asked(self, task: Task, model: Model, asks: Sequence[Ask]) -> Iterator[Answer]:
        """Ask for answers and keep each; raises Unanswered if some do not come."""
        by_id = {ask.id: ask for ask in asks}
        lacking = sum(len(ask.indices) for ask in asks)
        if lacking and not self._samples:
            raise Unanswered
        for answer, seconds in self._writers.write_as(model.spec, asks) if lacking else ():
            kept = replace(answer, reservation=None)
            with self._lock:
                self._answers.add(self._key(task, model, by_id[answer.ask_id], answer.index), kept, seconds)
            lacking -= 1
            yield kept
        if lacking:
            raise Unanswered

    def _key(self, task: Task, model: Model, ask: Ask, index: int) -> str:
        """Return the key of a further answer, by all that it depends on."""
        params = model.params.of(ask.role)
        heat = params.temperature if ask.temperature is None else ask.temperature
        sampling = [heat, params.top_p, params.max_new_tokens, model.thinking]
        spec = str(model.spec)
        identity = {name: value for name, value in self._request.identity.items() if name.endswith(spec)}
        parts = [task.problem.id, ask.id, str(ask.role), list(ask.messages), spec, identity, sampling, ask.seed]
        return _CONVERSED + answer_key(group_key(parts), index)[1:]


class _Replay:
    """Writer of one task: answers that are known come from the board and the journal, the others from the model."""

    def __init__(self, source: Strategies, task: Task, model: Model) -> None:
        self.name, self.style = str(model.spec), model.style
        self._source, self._task, self._model = source, task, model

    def write(self, asks: Sequence[Ask]) -> Iterator[Answer]:
        missing = []
        for ask in asks:
            known = self._source.known(self._task, self._model, ask)
            yield from known.values()
            if len(known) < len(ask.indices):
                missing.append(replace(ask, absent=ask.absent | known.keys()))
        try:
            yield from self._source.asked(self._task, self._model, missing)
        except CureError as error:
            raise _Fault(error) from error

    def close(self) -> None: ...


def _is_first(ask: Ask) -> bool:
    """Tell whether a question is the first one to its role, as `engine.solve.writers.first_ask` builds it."""
    return ask.temperature is None and ask.id in tuple(map(str, Role))


def is_conversed(key: str) -> bool:
    """Tell whether a key of the journal is that of a further answer."""
    return key.startswith(_CONVERSED)
