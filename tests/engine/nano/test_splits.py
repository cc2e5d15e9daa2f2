"""Splits: the four share no task, neither by id nor by behaviour; the corpus uses only one of them."""

from __future__ import annotations

import random

import pytest

from engine.machine.resources import asset_path
from engine.nano.corpus import write_document
from engine.nano.grammar import NoAnswer, answer
from engine.nano.splits import Splits, make_splits, probe_inputs, to_problem
from engine.problems import assert_disjoint, load_problems
from engine.prompts import Program, UnitTest, parse_program, parse_unit_test


@pytest.fixture(scope="module")
def splits() -> Splits:
    return make_splits()


def test_splits_share_no_composition_and_are_large_enough(splits: Splits) -> None:
    parts = [splits.pretrain, splits.rl_train, splits.validation, splits.held_out]
    ids = [composition.id for part in parts for composition in part]
    assert len(ids) == len(set(ids)) >= 1000
    assert len(splits.held_out) >= 100


def test_recombined_pairs_of_parts_occur_in_no_other_split(splits: Splits) -> None:
    def pair(composition_id: str) -> str:
        return composition_id.rsplit("-", 1)[0]

    elsewhere = {pair(c.id) for part in (splits.pretrain, splits.rl_train, splits.validation) for c in part}
    assert splits.recombined <= {c.id for c in splits.held_out}
    assert len(splits.recombined) >= 30
    assert not elsewhere & {pair(c) for c in splits.recombined}


def test_no_two_tasks_of_different_splits_behave_alike(splits: Splits) -> None:
    for family in {c.family.name: c.family for c in splits.pretrain}.values():
        texts = probe_inputs(family)
        seen: dict[tuple[str | None, ...], str] = {}
        for part in (splits.pretrain, splits.rl_train, splits.validation, splits.held_out):
            for composition in part:
                if composition.family is not family:
                    continue
                behaviour = []
                for text in texts:
                    try:
                        behaviour.append(answer(composition, text))
                    except NoAnswer:
                        behaviour.append(None)
                assert seen.setdefault(tuple(behaviour), composition.id) == composition.id


def test_the_corpus_holds_no_statement_of_another_split(splits: Splits) -> None:
    told_elsewhere = {c.statement for part in (splits.rl_train, splits.validation, splits.held_out) for c in part}
    rng = random.Random(5)
    written = {write_document(splits.pretrain, rng).statement for _ in range(20_000)}
    assert len(written) > 500
    assert not written & told_elsewhere


def test_shipped_tasks_are_those_of_the_grammar(splits: Splits) -> None:
    shipped = {
        name: load_problems(asset_path(f"nano/tasks/{name}.jsonl")) for name in ("train", "validation", "heldout")
    }
    assert_disjoint(shipped)
    for name, compositions in (
        ("train", splits.rl_train),
        ("validation", splits.validation),
        ("heldout", splits.held_out),
    ):
        assert shipped[name] == [to_problem(composition, name) for composition in compositions]


def test_corpus_documents_are_mostly_well_formed_answers_some_broken(splits: Splits) -> None:
    rng = random.Random(9)
    documents = [write_document(splits.pretrain, rng) for _ in range(4000)]
    parsed = [parse_program(d.text) if d.role == "coder" else parse_unit_test(d.text) for d in documents]
    well_formed = sum(isinstance(answer, Program | UnitTest) for answer in parsed) / len(parsed)
    assert 0.9 < well_formed < 1.0
