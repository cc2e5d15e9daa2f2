"""Reports and summaries of others: what no evaluation can have is refused with its place, what is possible is read."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from engine.errors import DataError
from engine.evaluation.paired import mcnemar
from engine.evaluation.report import Report
from engine.evaluation.summary import UNKNOWN, EvalSummary
from engine.evaluation.totals import summary_of
from tests.cure_tui.runs.evaluations.reports import mixed_report, report

IMPOSSIBLE = (1e308, -1, -0.5, 1e15, float("nan"), float("inf"), float("-inf"), 10**400, "7", "inf", True, [1])


def numbers(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all numbers in JSON; of equal rows of a list the first alone."""
    if isinstance(tree, dict):
        for name, inner in tree.items():
            yield from numbers(inner, (*path, name))
    elif isinstance(tree, list):
        for at, inner in enumerate(tree[: None if len(path) < 1 or len(tree) < 5 else 1]):
            yield from numbers(inner, (*path, at))
    elif isinstance(tree, int | float) and not isinstance(tree, bool):
        yield path


def with_value(text: str, path: tuple[Any, ...], value: object) -> str:
    """Return the JSON with another value in one place."""
    tree = place = json.loads(text)
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return json.dumps(tree)


WHOLE = mixed_report("mixed").to_json()
PLACES = [path for path in numbers(json.loads(WHOLE)) if path != ("schema",)]


@pytest.mark.parametrize("part", dict.fromkeys(path[0] for path in PLACES))
def test_a_number_that_no_evaluation_has_is_refused_with_its_place(part: str) -> None:
    for at, path in enumerate(path for path in PLACES if path[0] == part):
        with pytest.raises(DataError, match="is no report of an evaluation") as refusal:
            Report.from_json(with_value(WHOLE, path, IMPOSSIBLE[at % len(IMPOSSIBLE)]))
        assert len(str(refusal.value)) < 300
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("value", IMPOSSIBLE, ids=str)
def test_each_such_number_is_refused_as_a_count_and_as_a_figure(value: object) -> None:
    for path in (("spent", "answers"), ("rows", 0, "figures", "code"), ("surroundings", "load")):
        with pytest.raises(DataError):
            Report.from_json(with_value(WHOLE, path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("rows", 0, "correct"), 17),
        (("rows", 0, "judged"), 17),
        (("rows", 0, "programs"), 10**12),
        (("rows", 0, "references_passed"), 1),
        (("rows", 0, "figures", "code"), 1.5),
        (("rows", 0, "bon", "4x4"), 1.01),
        (("rows", 0, "bon", "4 by 4"), 0.5),
        (("rows", 0, "trust", "n_right"), 17),
        (("rows", 0, "trust", "n_groups"), 0),
        (("totals", "figures", "ut", "mean"), 1.2),
        (("totals", "figures", "ut", "high"), 3),
        (("totals", "pass_at", "x"), {"mean": 0.5, "standard_error": None, "low": None, "high": None, "n_tasks": 1}),
        (("totals", "bon", "x"), {"mean": 0.5, "standard_error": None, "low": None, "high": None, "n_tasks": 1}),
        (("settings", "n"), 9999),
        (("settings", "bon"), ["16"]),
        (("settings", "bon"), [f"{n}x{m}" for n in range(1, 40) for m in range(1, 40)]),
        (("data", "tasks"), 3),
    ],
)
def test_figures_that_contradict_each_other_are_refused(path: tuple[Any, ...], value: object) -> None:
    with pytest.raises(DataError):
        Report.from_json(with_value(WHOLE, path, value))


def test_extremes_that_are_possible_are_read() -> None:
    text = with_value(WHOLE, ("totals", "figures", "code", "mean"), 1.0 + 1e-12)
    text = with_value(text, ("spent", "coder_tokens"), 10**14)
    text = with_value(text, ("rows", 0, "figures", "ut"), None)
    assert Report.from_json(text).spent.coder_tokens == 10**14


def test_a_report_of_millions_of_values_is_refused_before_they_take_memory() -> None:
    with pytest.raises(DataError, match="more than 3,000,000 values"):
        Report.from_json('{"schema": 1, "rows": [' + "[]," * 2_000_000 + "[]]}")


def test_a_report_without_figures_still_has_a_summary() -> None:
    text = with_value(report("bare", 0.0, tasks=3).to_json(), ("totals", "figures"), {})
    assert summary_of(Report.from_json(text)).code == UNKNOWN


@pytest.mark.parametrize("value", IMPOSSIBLE, ids=str)
def test_a_summary_with_such_a_number_has_an_unknown_figure_and_is_not_resumed_from(value: object) -> None:
    record = summary_of(mixed_report()).to_json()
    for path in (("code", "mean"), ("coder_length", "se"), ("bon", "4x4", "low"), ("trust", "counts", "n_right")):
        changed = json.loads(with_value(json.dumps(record), path, value))
        shown = EvalSummary.from_json(changed, strict=False)
        figures = [shown.code.mean, shown.coder_length.standard_error, shown.bon["4x4"].low, shown.trust.n_right]
        assert all(figure is None or 0 <= figure < 1e4 for figure in figures)
        with pytest.raises(DataError):
            EvalSummary.from_json(changed)


def test_a_share_above_one_is_an_unknown_figure_and_a_length_above_one_is_none() -> None:
    record = summary_of(mixed_report()).to_json()
    record["code"]["mean"] = record["coder_length"]["mean"] = 1.5
    shown = EvalSummary.from_json(record, strict=False)
    assert (shown.code.mean, shown.coder_length.mean) == (None, 1.5)


def test_mcnemars_p_is_the_sum_of_the_binomials_and_quick_for_many_flips() -> None:
    for better, worse in ((0, 0), (1, 0), (3, 8), (12, 12)):
        tail = sum(math.comb(better + worse, k) for k in range(min(better, worse) + 1))
        assert mcnemar(better, worse) == pytest.approx(min(1.0, 2 * tail / 2 ** (better + worse)))
    assert mcnemar(10_100, 9_900) == pytest.approx(0.16, abs=0.01)
