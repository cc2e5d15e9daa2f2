"""S* (Li et al., arXiv 2502.14382): repair every sample by the examples, then tell the rest apart by new inputs.

1. Each of n samples is repaired up to `repairs` times, in a conversation that shows what came of every example. A
   sample is its last program; those that pass all examples go on. If none does, the first of the best is the answer.
2. The tester writes inputs, and programs that print the same on all of them form a cluster.
3. For each pair of the largest clusters the tester sees one program of each and writes inputs on which they differ, and
   the judge, who sees what both print, chooses in both orders. The same winner twice is a point, "equal" twice half a
   point for each. The cluster with most points wins; where no verdict holds, the judge compares the code alone.

The published code plays every program against every other one; this is the paper's form, with one match for each pair.
The m generated tests do not choose. Their inputs join those of stage 2, and they say how far to trust the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np

from engine.prompts import Program
from engine.prompts.dialogue import shortened
from engine.prompts.flow import CHOICE_FORM
from engine.prompts.forms import Choice, parse_choice
from engine.prompts.telling_apart import apart_messages, examples_messages, inputs_messages, judge_messages
from engine.sandbox import Outcome, Status
from engine.solve.options import option
from engine.solve.selectors import eligible_n
from engine.solve.strategies.asking import ask_formed
from engine.solve.strategies.conversation import CONTEXT_CHARACTERS, cut, happened
from engine.solve.strategies.parts import Need, Part, Question
from engine.solve.strategies.session import Session
from engine.solve.strategies.telling_apart import ask_inputs, clusters_of, execute_on
from engine.solve.writers import Answer, Message

_SHARE_OF_SAMPLES = 0.7
_SAID = {"first": 0, "second": 1}


@dataclass(slots=True)
class _Sample:
    """Sample: the row of its last program, and its conversation behind the first question."""

    row: int
    answer: str
    conversation: tuple[Message, ...] = ()


@dataclass(frozen=True)
class SStar:
    """Strategy of repairs on examples and of a judge who sees outputs."""

    name: ClassVar[str] = "sstar"
    summary: ClassVar[str] = "repairs every program by the examples; a judge chooses by inputs that tell programs apart"
    selector: ClassVar[str] = "bon"
    parts: ClassVar[tuple[Part, ...]] = (Part.CODER, Part.TESTER, Part.JUDGE)
    needs: ClassVar[tuple[Need, ...]] = (Need.CONVERSATION,)

    repairs: int = option(2, "repairs of a sample at most", most=10)
    inputs: int = option(6, "inputs for all programs", least=1, most=50)
    apart: int = option(3, "inputs for each pair of programs", least=1, most=20)
    clusters: int = option(4, "clusters compared, the largest ones", least=2, most=10)

    def run(self, session: Session) -> None:
        samples: dict[int, _Sample] = {}
        with session.stage("generate", _SHARE_OF_SAMPLES):
            self._generate(session, samples)
        rows = _passing(session, [samples[index].row for index in sorted(samples)])
        if len(rows) > 1:
            with session.stage("select"):
                self._select(session, rows)
        elif rows:
            session.chosen = rows[0]

    def usual_answers(self, n: int, m: int) -> tuple[int, int]:
        pairs = self.clusters * (self.clusters - 1) // 2
        return n + m + 1, n * (1 + self.repairs) + m + 1 + 3 * pairs

    def _generate(self, session: Session, samples: dict[int, _Sample]) -> None:
        bench = session.bench
        questions = [session.first_question(Part.CODER, bench.n)]
        questions += [session.first_question(Part.TESTER, bench.m)] if bench.m else []
        with session.ask(*questions) as batch:
            for answer in batch:
                if batch.part_of(answer) is Part.TESTER:
                    session.add_test(answer)
                else:
                    row = session.add_program(answer, sample=answer.index)
                    samples[answer.index] = _Sample(row, answer.text)
        session.settle()
        for attempt in range(1, self.repairs + 1):
            failing = {
                f"repair-{attempt}-{index}": index for index in sorted(samples) if _fails(session, samples[index])
            }
            if not failing:
                return
            asked = [self._repair(session, name, samples[index]) for name, index in failing.items()]
            with session.ask(*asked) as batch:
                for answer in batch:
                    index = failing[answer.ask_id]
                    number = attempt * bench.n + index
                    before = samples[index]
                    row = session.add_program(answer, sample=number, parent=before.row, why="it fails an example")
                    if isinstance(session.board.programs[row], Program):  # else the sample stays as it is
                        samples[index] = _Sample(row, answer.text, before.conversation)
            session.settle()

    def _repair(self, session: Session, name: str, sample: _Sample) -> Question:
        first = session.first_question(Part.CODER, 1).ask.messages
        room = CONTEXT_CHARACTERS - sum(len(message["content"]) for message in first)
        board = session.board
        results = [
            (
                test.input,
                test.output,
                _printed(board.outcome(sample.row, test.input)),
                board.verdict(sample.row, test) is True,
            )
            for test in board.public
        ]
        sample.conversation = cut(examples_messages(sample.conversation, sample.answer, results), room)
        return session.question(Part.CODER, name, (*first, *sample.conversation))

    def _select(self, session: Session, rows: Sequence[int]) -> None:
        asked = session.question(Part.TESTER, "inputs", inputs_messages(session.bench.problem, self.inputs))
        inputs = ask_inputs(session, [asked], self.inputs).get("inputs", [])
        inputs = list(dict.fromkeys([*inputs, *(test.input for test in session.board.tests)]))
        execute_on(session, rows, inputs)
        clusters = clusters_of(session, rows, inputs)[: self.clusters]
        session.chosen = clusters[0][0] if clusters else rows[0]
        if len(clusters) < 2:
            return
        heads = [cluster[0] for cluster in clusters]
        points = self._matches(session, heads, with_outputs=True)
        if not any(points):
            points = self._matches(session, heads, with_outputs=False)
        best = max(range(len(heads)), key=lambda place: (points[place], len(clusters[place]), -place))
        # Where the judge says nothing at all the first sample is as good as any.
        session.chosen = heads[best] if any(points) else min(heads, key=lambda row: session.board.samples[row])

    def _matches(self, session: Session, heads: Sequence[int], *, with_outputs: bool) -> list[float]:
        """Let the judge compare every pair of programs in both orders; return the points of each."""
        pairs = list(combinations(range(len(heads)), 2))
        shown = self._inputs_apart(session, heads, pairs) if with_outputs else {}
        orders = {
            f"judge-{'outputs' if with_outputs else 'code'}-{one}-{two}": (one, two)
            for pair in pairs
            for one, two in (pair, pair[::-1])
        }
        questions = []
        for name, order in orders.items():
            first, second = (heads[place] for place in order)
            inputs = shown.get((min(order), max(order)), [])
            printed = [[_printed(session.board.outcome(row, stdin)) for row in (first, second)] for stdin in inputs]
            cases = [(stdin, one, other) for stdin, (one, other) in zip(inputs, printed, strict=True)]
            sources = _source(session, first), _source(session, second)
            messages = judge_messages(session.bench.problem, *sources, cases)
            questions.append(session.question(Part.JUDGE, name, messages, temperature=0.0))

        def read(question: Question, answer: Answer) -> Choice | None:
            return parse_choice(answer.text, in_thought=session.is_in_thought(answer))

        chosen: dict[tuple[str, int], Choice] = ask_formed(session, questions, CHOICE_FORM, read)
        said: dict[tuple[int, int], Choice | None] = {orders[name]: choice for (name, _), choice in chosen.items()}
        self._tell_verdicts(session, heads, pairs, said, "outputs" if with_outputs else "code alone")
        return points_of(len(heads), said)

    @staticmethod
    def _tell_verdicts(
        session: Session,
        heads: Sequence[int],
        pairs: Sequence[tuple[int, int]],
        said: dict[tuple[int, int], Choice | None],
        shown: str,
    ) -> None:
        """Tell the observer what the judge said of each pair, and remark how many verdicts hold in both orders."""
        held = 0
        for one, two in pairs:
            points = points_of(2, {(0, 1): said.get((one, two)), (1, 0): said.get((two, one))})
            winner = (
                "equal"
                if points[0] == points[1] > 0
                else ""
                if not any(points)
                else f"p{heads[one if points[0] else two]}"
            )
            held += bool(winner)
            session.bench.observer.on_verdict_of_judge(heads[one], heads[two], winner)
        session.remarks.append(f"the judge, by {shown}, said the same in both orders of {held} of {len(pairs)} pairs")

    def _inputs_apart(
        self, session: Session, heads: Sequence[int], pairs: Sequence[tuple[int, int]]
    ) -> dict[tuple[int, int], list[str]]:
        """Let the tester write inputs for each pair, and run both programs on them."""
        asked = {f"apart-{one}-{two}": (one, two) for one, two in pairs}
        questions = []
        for name, pair in asked.items():
            first, second = (_source(session, heads[place]) for place in pair)
            messages = apart_messages(session.bench.problem, first, second, self.apart)
            questions.append(session.question(Part.TESTER, name, messages))
        shown = {asked[name]: inputs for name, inputs in ask_inputs(session, questions, self.apart).items()}
        for pair, inputs in shown.items():
            execute_on(session, [heads[place] for place in pair], inputs)
        return shown


def points_of(count: int, said: dict[tuple[int, int], Choice | None]) -> list[float]:
    """Return the points of `count` programs. said: the judge's choice for (first, second), in both orders.

    Verdicts that differ between the orders are lost: a weak judge often prefers a place.
    """
    points = [0.0] * count
    for one, two in combinations(range(count), 2):
        there, back = said.get((one, two)), said.get((two, one))
        if there == back == "equal":
            points[one] += 0.5
            points[two] += 0.5
        elif there in _SAID and back in _SAID and there != back:
            points[(one, two)[_SAID[there]]] += 1.0
    return points


def _passing(session: Session, rows: Sequence[int]) -> list[int]:
    """Return the rows that pass all examples, in order of their samples; without any, the first of the best."""
    rows_k = np.array(rows, dtype=np.int64)
    arrays = session.board.arrays().rows(rows_k) if rows else session.board.arrays()
    best = rows_k[eligible_n(arrays)].tolist() if rows else []
    passes_all = best and bool(session.board.matrix().truth_nt[best[0]].all())
    return best if passes_all else best[:1]


def _fails(session: Session, sample: _Sample) -> bool:
    board = session.board
    return isinstance(board.programs[sample.row], Program) and any(
        board.verdict(sample.row, test) is False for test in board.public
    )


def _printed(outcome: Outcome | None) -> str:
    """Return what a program printed on an input, or how it failed."""
    if outcome is None:
        return "it was not run"
    return outcome.stdout if outcome.status is Status.OK else happened(outcome)


def _source(session: Session, row: int) -> str:
    program = session.board.programs[row]
    return shortened(program.source) if isinstance(program, Program) else ""
