"""Runs whose rewards do not come from hidden tests: every view says so, and an unanchored run warns of itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cure_tui.commands.runs import _as_json, _remark
from cure_tui.dashboard.app import CureApp
from cure_tui.dashboard.curves.grid import ChartBox
from cure_tui.dashboard.home.picture import about_run
from cure_tui.dashboard.run.header import header_rows
from cure_tui.drawing.spans import plain
from cure_tui.headless.run import report
from cure_tui.launch.prepare import prepare_run
from cure_tui.launch.question import confirm_labels, start_question
from cure_tui.runs.alerts import alerts
from cure_tui.runs.step_line import seconds_left, step_line
from cure_tui.runs.watcher import Snapshot
from engine.errors import CureError
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.events import Event
from engine.runs.folder import RunFolder
from engine.runs.journal import JournalWriter
from engine.runs.listing import RunCondition, read_info, read_state
from engine.runs.state import RunState, reduce
from tests.cure_tui.dashboard.driving import opened, running, settled
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
METRICS = {"anchor_code_accuracy": 0.51, "presumed_accuracy": 0.75, "presumed_gap": 0.24, "kl": 0.01}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Return a finished run without anchors."""
    folder = RunFolder.create(tmp_path / "home" / "runs" / "apart", dump_toml(load_preset("nano")))
    rewards = {"labels": "consensus", "anchors": 0, "supervision": "none"}
    with JournalWriter(folder.journal) as journal:
        journal.run_started(preset="nano", steps=9, seed=0, rewards=rewards)
        journal.labelled(120.0)
        journal.step_finished(1, METRICS)
        journal.step_finished(2, METRICS)
        journal.run_finished(2, {"ended_by": "label drift"}, "labels drift: too alike")
    return folder


def test_an_unanchored_run_says_so_in_list_header_step_line_and_report(
    folder: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    info, state = read_info(folder.path), read_state(folder.journal)
    assert "labels consensus, UNANCHORED" in _remark(info)
    assert _as_json(info)["rewards"] == "labels consensus, UNANCHORED"
    assert "labels consensus, UNANCHORED" in plain([about_run(info)])
    assert step_line(state, 0.0).endswith("UNANCHORED")
    assert "anchor code 0.510  presumed 0.750" in step_line(state, 0.0)
    first, second = header_rows(Snapshot(folder.path, RunCondition.LIVE, state, loading=False), None, 80)
    assert "UNANCHORED" in plain([first])
    assert "anchor code 0.51" in plain([second])
    report(folder, state, as_json=True)
    assert '"rewards": "labels consensus, UNANCHORED"' in capsys.readouterr().out


def test_a_run_of_hidden_tests_says_nothing_of_it(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "plain", dump_toml(load_preset("nano")))
    record_run(folder, 2)
    info = read_info(folder.path)
    assert info.rewards == ""
    assert "labels" not in _remark(info)
    assert "rewards" not in start_question(load_preset("nano")).text


@pytest.mark.parametrize(
    ("overrides", "said", "warned"),
    [
        (["reward.labels=consensus", "reward.anchors=0"], "rewards: labels consensus, UNANCHORED", True),
        (["reward.labels=consensus"], "rewards: labels consensus, 10 anchors", False),
        (["reward.labels=tester:nano"], "preset:nano writes the tests before the first step", False),
        (["reward.tester_supervision=reference"], "rewards: tests judged by reference programs", False),
    ],
)
def test_the_question_before_a_start_tells_where_rewards_come_from(
    overrides: list[str], said: str, warned: bool
) -> None:
    text = start_question(load_preset("nano", overrides)).text
    assert said in text
    assert ("without anchors nothing is held against the truth" in text) is warned


def test_a_tester_that_does_not_exist_leaves_no_folder_behind(tmp_path: Path) -> None:
    for start in (prepare_run, lambda preset, settings, path: confirm_labels(preset, settings, yes=False)):
        with pytest.raises(CureError) as refused:
            start("nano", ["reward.labels=tester:run:nobody"], tmp_path / "new")
        assert "there is no run 'nobody'" in str(refused.value)
    assert not (tmp_path / "new").exists()


def test_a_sign_of_drift_is_an_alert(folder: RunFolder) -> None:
    state = read_state(folder.journal)
    live = Snapshot(folder.path, RunCondition.LIVE, state, loading=False)
    text = "labels drift: code accuracy on the anchors is 40.0 %, 6.0 points below its best"
    told = reduce(state, Event("notice", 2, 0.0, 0.0, {"level": "warning", "text": text}))
    (alert,) = alerts(live, replace(live, state=told))
    assert (alert.text, alert.severity) == (text, "warning")


def test_minutes_do_not_count_while_a_tester_writes_the_labels() -> None:
    steps = [Event("step_finished", step, 100.0 + step, 0.0, {"metrics": {}}) for step in (1, 2)]
    state = reduce(reduce(RunState(steps=1000), steps[0]), steps[1])
    labelled = reduce(state, Event("labelled", 0, 102.0, 0.0, {"seconds": 90.0}))
    assert (seconds_left(state, 2.0), seconds_left(labelled, 2.0)) == (18.0, 108.0)
    assert reduce(state, Event("labelled", 0, 102.0, 0.0, {"seconds": -1})).labelling_seconds == 0.0


async def test_charts_of_some_runs_are_shown_where_there_are_values(folder: RunFolder, tmp_path: Path) -> None:
    usual = RunFolder.create(tmp_path / "home" / "runs" / "usual", dump_toml(load_preset("nano")))
    record_run(usual, 3)
    for path, shown in ((folder.path, True), (usual.path, False)):
        app = CureApp(path)
        async with running(app) as pilot:
            await opened(app, pilot)
            await pilot.press("4")
            await settled(app, pilot)
            boxes = {box.spec.name: box for box in app.screen.query(ChartBox)}
            assert boxes["presumed accuracy"].display is shown
            assert boxes["accuracy"].display
            assert not boxes["trust by references"].display
