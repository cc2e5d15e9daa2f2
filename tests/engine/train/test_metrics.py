"""Table of metrics: it holds exactly the metrics that a step writes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import cure_tui
from engine.machine.usage import MachineUse
from engine.policy import Policy
from engine.policy.samples import UpdateSeconds
from engine.policy.tally import Tally
from engine.policy.tinker.learner import TinkerLearner
from engine.rollouts.rollout import RolloutReport
from engine.runs.metrics import METRICS, UnknownMetric, groups, metric
from engine.sampling.swapping import Swaps
from engine.train.assembly import Engine
from engine.train.labels.signs import label_signs
from engine.train.metrics import reference_metrics, step_metrics
from engine.train.step import CoevolutionStep

OF_THE_RUN = {"tokens_total", "answer_limit"}


def test_a_step_writes_the_metrics_of_the_table_and_no_others(tmp_path: Path) -> None:
    seconds = UpdateSeconds(0.0, 0.0, 0.0, 0.0, 0.0, total=0.0)
    update = Tally().report(
        kl_beta=0.0, importance_cap=2.0, learning_rate=0.0, skipped_masked=0, skipped_zero_advantage=0, seconds=seconds
    )
    step = CoevolutionStep(1, (), update, RolloutReport(0.0, 0.0, 0), 0.0, 0.0, 0, ())
    unreferenced = SimpleNamespace(labelled=SimpleNamespace(validity=None, unreferenced=True))
    by_references = reference_metrics([unreferenced])  # type: ignore[list-item]
    signs = label_signs([], None)
    executor = SimpleNamespace(executions=0, cache_hits=0, sticky_skips=0, cells_lost=0)
    local = SimpleNamespace(metrics=lambda: Policy.metrics(SimpleNamespace()))  # type: ignore[arg-type]
    use = MachineUse(tmp_path)
    machine = Engine.machine_metrics(SimpleNamespace(sampler=Swaps(), executor=executor, policy=local, use=use))  # type: ignore[arg-type]
    client = SimpleNamespace(traffic=SimpleNamespace(sent=0, received=0))
    on_a_server = TinkerLearner.metrics(SimpleNamespace(client=client, _positions=0))  # type: ignore[arg-type]
    machine |= on_a_server | step_metrics(replace(step, update=replace(update, entropy_estimated=True)))
    written = step_metrics(step).keys() | by_references.keys() | signs.keys() | machine.keys() | OF_THE_RUN
    assert written == METRICS.keys()
    assert not {"code_accuracy", "ut_accuracy", "mu"} & step_metrics(step, has_truth=False).keys()


def test_a_name_that_is_not_in_the_table_is_refused() -> None:
    with pytest.raises(UnknownMetric, match=r"no metric is called 'code_acuracy'"):
        metric("code_acuracy")


def test_no_two_metrics_of_a_group_are_called_alike() -> None:
    for names in groups().values():
        titles = [METRICS[name].title for name in names]
        assert len(set(titles)) == len(titles)


def _asked_for(source: str) -> Iterator[str]:
    """Find the names in `metrics.get("name")`, `metrics["name"]` and `column("name")`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            holder, argument = ast.unparse(node.func), node.args[0]
            asked = holder.endswith(("metrics.get", ".column"))
        elif isinstance(node, ast.Subscript):
            asked, argument = ast.unparse(node.value).endswith("metrics"), node.slice
        else:
            continue
        if asked and isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value


def test_every_metric_that_the_interface_asks_a_step_for_is_in_the_table() -> None:
    sources = Path(cure_tui.__file__).parent.rglob("*.py")
    asked = {name for path in sources for name in _asked_for(path.read_text())}
    assert {"kl", "mu", "tokens", "executions_total"} <= asked  # the search finds them
    assert asked <= METRICS.keys()
