"""Published table of CURE, against hand-picked cells, and the names of its sets."""

from __future__ import annotations

import pytest

from engine.evaluation.paper import TITLES, PublishedRow, is_published_cut, published_name, published_rows


def test_the_table_has_six_models_on_five_sets() -> None:
    models = {name: [row.model for row in published_rows(name)] for name in TITLES}
    assert len(models) == 5
    assert {tuple(each) for each in models.values()} == {tuple(models["mbpp"])}
    assert len(models["mbpp"]) == 6


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("livebench", PublishedRow("Qwen2.5-7B", 0.265, 0.311, 0.359)),
        ("mbpp", PublishedRow("ReasonFlux-Coder-7B", 0.794, 0.702, 0.846)),
        ("livecodebench", PublishedRow("Qwen2.5-14B", 0.357, 0.335, 0.451)),
        ("codecontests", PublishedRow("ReasonFlux-Coder-14B", 0.86, 0.321, 0.444)),
        ("codeforces", PublishedRow("ReasonFlux-Coder-4B", 0.658, 0.309, 0.402)),
    ],
)
def test_cells_stand_under_their_set_and_figure(name: str, row: PublishedRow) -> None:
    assert row in published_rows(name)


def test_unit_tests_of_the_trained_models_beat_those_of_their_bases() -> None:
    for name in TITLES:
        rows = {row.model: row for row in published_rows(name)}
        for trained, base in (("ReasonFlux-Coder-7B", "Qwen2.5-7B"), ("ReasonFlux-Coder-4B", "Qwen3-4B")):
            assert rows[trained].ut > rows[base].ut
        assert all(row.bon >= row.code for row in rows.values())


def test_other_cuts_of_a_set_are_told_apart_from_the_published_one() -> None:
    assert [
        published_name(name) for name in ("mbpp", "mbpp-original/test", "mbpp-sanitized", "nano", "./mbpp.jsonl")
    ] == [
        "mbpp",
        "mbpp",
        "mbpp",
        "",
        "",
    ]
    assert is_published_cut("mbpp/test")
    assert not is_published_cut("mbpp-original")
