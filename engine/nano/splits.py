"""Disjoint splits of the compositions: pretraining, RL, validation and held-out.

No two compositions of different splits behave alike: among compositions with the same answers on 120 inputs only the
first is kept. Some held-out tasks also recombine phrases: a few pairs of parts (first and second slot) occur in no
other split.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from engine.nano.grammar import (
    CLEAR,
    FAMILIES,
    RIGHT,
    Composition,
    Family,
    NoAnswer,
    Reading,
    answer,
    compositions,
    draw_input,
    program,
)
from engine.problems import IOExample, Problem

SEED = 20261125
HELD_OUT_KNOWN, HELD_OUT_RECOMBINED = 110, 50
VALIDATION, RL_TRAIN = 60, 300
TRUTH_TESTS = 8
RECOMBINED_PAIRS_PER_FAMILY = 3


@dataclass(frozen=True)
class Splits:
    """Compositions by use. `recombined`: ids of the held-out ones whose first two parts occur together nowhere else."""

    pretrain: tuple[Composition, ...]
    rl_train: tuple[Composition, ...]
    validation: tuple[Composition, ...]
    held_out: tuple[Composition, ...]
    recombined: frozenset[str]


def make_splits() -> Splits:
    rng = random.Random(SEED)
    ordinary: list[Composition] = []
    recombined: list[Composition] = []
    for family in FAMILIES:
        distinct = behaviourally_distinct(family)
        reserved = set(rng.sample(sorted({c.choice[:2] for c in distinct}), RECOMBINED_PAIRS_PER_FAMILY))
        recombined += [c for c in distinct if c.choice[:2] in reserved]
        ordinary += [c for c in distinct if c.choice[:2] not in reserved]
    rng.shuffle(ordinary)
    rng.shuffle(recombined)
    recombined = recombined[:HELD_OUT_RECOMBINED]
    held_out = ordinary[:HELD_OUT_KNOWN] + recombined
    rng.shuffle(held_out)
    validation_end = HELD_OUT_KNOWN + VALIDATION
    rl_end = validation_end + RL_TRAIN
    return Splits(
        pretrain=tuple(ordinary[rl_end:]),
        rl_train=tuple(ordinary[validation_end:rl_end]),
        validation=tuple(ordinary[HELD_OUT_KNOWN:validation_end]),
        held_out=tuple(held_out),
        recombined=frozenset(c.id for c in recombined),
    )


def behaviourally_distinct(family: Family) -> list[Composition]:
    """Return a family's compositions, except those that answer like an earlier one or fail on most inputs."""
    inputs = probe_inputs(family)
    seen: set[tuple[str | None, ...]] = set()
    kept: list[Composition] = []
    for composition in compositions(family):
        answers = tuple(_answer_or_none(composition, text) for text in inputs)
        if answers in seen or answers.count(None) > len(inputs) // 2:
            continue
        seen.add(answers)
        kept.append(composition)
    return kept


def probe_inputs(family: Family) -> list[str]:
    """Draw the inputs on which two compositions must differ to count as two tasks."""
    rng = random.Random(f"{SEED} {family.name}")
    return [family.draw(rng) for _ in range(120)]


def to_problem(composition: Composition, split: str) -> Problem:
    """Turn the composition into a problem: one public example, hidden tests, and the reference program.

    Together the hidden tests distinguish the right program from every single misreading where random inputs can.
    """
    rng = random.Random(f"{SEED} tests {composition.id}")
    texts = _telling_inputs(composition, rng, TRUTH_TESTS + 1)
    examples = [IOExample(text + "\n", answer(composition, text) + "\n") for text in texts]
    hardest = max(part.trouble for part in composition.parts)
    return Problem(
        id=composition.id,
        statement=composition.statement,
        public=(examples[-1],),
        hidden=tuple(examples[:-1]),
        time_limit=1.0,
        difficulty="easy" if hardest <= CLEAR else "medium" if hardest < 0.5 else "hard",
        dataset=f"nano/{split}",
        solutions=(program(composition),),
    )


def _telling_inputs(composition: Composition, rng: random.Random, count: int) -> list[str]:
    """Draw `count` distinct inputs; the first ones expose each misreading."""
    chosen: list[str] = []
    for slot in range(3):
        reading: Reading = tuple(index != slot for index in range(3))
        candidates = [draw_input(composition, rng) for _ in range(60)]
        telling = [t for t in candidates if _answer_or_none(composition, t, reading) != answer(composition, t)]
        chosen += [text for text in telling if text not in chosen][:1]
    while len(chosen) < count:
        text = draw_input(composition, rng)
        if text not in chosen:
            chosen.append(text)
    return chosen


def _answer_or_none(composition: Composition, text: str, reading: Reading = RIGHT) -> str | None:
    try:
        return answer(composition, text, reading)
    except NoAnswer:
        return None
