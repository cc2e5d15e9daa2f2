"""Names of `cure-tui eval --strategy`: what each means, which are left out, and how much each may ask for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.evaluate.ways import find_way, followed, named_ways
from engine.prompts import PromptStyle
from engine.solve.selectors import SELECTORS
from engine.solve.strategies import find_strategy, strategy_names
from tests.engine.evaluate.given import given_models, request_for, sums


def test_commas_separate_ways_and_their_options() -> None:
    assert named_ways("bon, b4:a=5,b0=20,consensus:weight=2,auto") == (
        "bon",
        "b4:a=5,b0=20",
        "consensus:weight=2",
        "auto",
    )
    assert named_ways("consensus,consensus") == ("bon", "consensus")  # what others are compared with, and each once


def test_all_names_every_strategy_and_every_selector_once() -> None:
    ways = [find_way(name) for name in named_ways("all")]
    assert {way.strategy.name for way in ways} == set(strategy_names())
    assert {way.selector.name for way in ways} >= set(SELECTORS)
    assert len({(way.strategy, way.selector) for way in ways}) == len(ways)
    assert [way.name for way in ways if way.selector.name == "mpsc"] == ["mpsc", "bon/mpsc"]
    assert named_ways("all,consensus:weight=8")[-1] == "consensus:weight=8"


def test_a_selector_stands_for_the_strategy_that_samples_everything_at_once() -> None:
    way = find_way("consensus:weight=3")
    assert (way.strategy.name, way.selector.name, way.is_choice) == ("bon", "consensus", True)
    way = find_way("debug:rounds=2/b4")
    assert (way.strategy.name, way.selector.name, way.is_choice) == ("debug", "b4", False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("magic", "no strategy or selector 'magic'"),
        ("bon,consensus:wait=2", "no option 'wait'"),
        ("magic/bon", "no strategy 'magic'"),
        ("bon/magic", "no selector 'magic'"),
        (" , ", "names none"),
        ("bon,a=2", "no option 'a'|sets no option|no strategy"),
    ],
)
def test_a_name_that_means_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        named_ways(text)


def test_what_needs_a_conversation_is_left_out_for_a_model_of_single_questions(tmp_path: Path) -> None:
    models = given_models(request_for(tmp_path, sums(1)))
    coder, tester = models["coder"], models["tester"]
    names = named_ways("all")
    assert followed(names, coder, tester)[1] == {}
    ways, left_out = followed(names, replace(coder, style=PromptStyle.SHORT), replace(tester, style=PromptStyle.SHORT))
    assert {way.name for way in ways} | set(left_out) == set(names)
    assert {find_strategy(name).name for name in left_out} == {
        name for name in strategy_names() if find_strategy(name).needs
    }
    assert all("openai:given answers single questions only" in reason for reason in left_out.values())


@pytest.mark.parametrize("name", [name for name in named_ways("all") if not find_way(name).is_choice])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (4, 4), (8, 16), (16, 16)])
def test_no_way_may_ask_for_more_answers_than_its_budget(name: str, n: int, m: int) -> None:
    fitting = find_way(name).within(n, m)
    if fitting is not None:
        strategy, k = fitting
        assert 1 <= k <= n
        assert strategy.usual_answers(k, min(k, m))[1] <= n + m
