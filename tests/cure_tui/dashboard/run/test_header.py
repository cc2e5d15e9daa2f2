"""Header of a run in terminals of any width: whole items, the most important ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cure_tui.dashboard.run.header import header_rows
from cure_tui.drawing.spans import plain, width
from cure_tui.runs.watcher import Snapshot
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.events import Event, Json
from engine.runs.folder import RunFolder
from engine.runs.listing import RunCondition, read_state
from engine.runs.state import reduce
from tests.cure_tui.recorded import record_run

SHORT = Path("/runs/nano-20261125-abc")


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    folder = RunFolder.create(tmp_path / "nano-20261125-1200-abc", dump_toml(load_preset("nano")))
    record_run(folder, planned=220, finish=False)
    state = read_state(folder.journal)
    metrics: dict[str, Json] = {**state.metrics, "peak_memory_mb": 700.0, "peak_gpu_memory_mb": 24_000.0}
    step = Event("step_finished", state.step + 1, 0.0, 0.0, {"metrics": metrics})
    return Snapshot(folder.path, RunCondition.LIVE, reduce(state, step), loading=False)


@pytest.mark.parametrize("columns", [200, 80, 60, 40, 20])
def test_the_header_leaves_out_whole_items_and_cuts_none(snapshot: Snapshot, columns: int) -> None:
    whole, narrow = header_rows(snapshot, 3, 1000), header_rows(snapshot, 3, columns)
    assert max(map(width, narrow)) <= columns
    for all_items, items in zip(whole, narrow, strict=True):
        known = [item.strip() for item in plain([all_items]).split("  ")]
        shown = [item.strip() for item in plain([items]).split("  ")]
        assert [item for item in known if item in shown] == shown


def test_state_and_accuracies_outlast_name_and_memory(snapshot: Snapshot) -> None:
    first, second = (plain([row]) for row in header_rows(snapshot, 3, 40))
    assert "live" in first
    assert "showing step 3" in first
    assert "nano-2026" not in first
    assert "code 0.30  ut 0.30  mu +0.10" in second
    assert "RAM" not in second


def test_a_fault_names_the_run_and_not_its_path(snapshot: Snapshot) -> None:
    first, _ = header_rows(replace(snapshot, fault=f"the folder {snapshot.path} is gone"), None, 80)
    assert "the folder nano-20261125-1200-abc is gone" in plain([first])


@pytest.mark.parametrize("columns", [80, 40])
def test_a_fault_of_any_length_is_shown_up_to_a_word(snapshot: Snapshot, columns: int) -> None:
    fault = "the folder /home/somebody/runs/with/a/long/path is gone and so are all of its files, it seems"
    first, _ = header_rows(replace(snapshot, fault=fault), None, columns)
    assert width(first) <= columns
    shown = plain([first]).split("  ")[-1].rstrip("…").split()
    assert shown == fault.split()[: len(shown)]
    assert len(shown) > 1
    assert plain([first]).endswith("…")


def test_a_narrow_header_leaves_out_the_bar_of_a_phase_before_its_numbers(snapshot: Snapshot) -> None:
    began = Event("phase_started", 7, 0.0, 0.0, {"phase": "evaluate heldout", "total": 5120, "unit": "answers"})
    beat = Event("heartbeat", 7, 1.0, 1.0, {"done": 1216, "total": 5120})
    evaluating = replace(snapshot, path=SHORT, state=reduce(reduce(snapshot.state, began), beat))
    (wide, _), (narrow, _) = (header_rows(evaluating, None, columns) for columns in (200, 80))
    assert "evaluate heldout ━" in plain([wide])
    assert "evaluate heldout 1,216/5,120" in plain([narrow])
    assert str(SHORT) in plain([narrow])


def test_why_a_run_has_ended_leaves_room_for_its_name_and_is_gone_while_it_is_resumed(snapshot: Snapshot) -> None:
    over = Event("run_finished", 6, 0.0, 0.0, {"reason": "nothing was trained: " + "it took too long; " * 9})
    ended = replace(snapshot, path=SHORT, condition=RunCondition.FINISHED, state=reduce(snapshot.state, over))
    first, _ = header_rows(ended, None, 80)
    assert f"{SHORT}  ✔ finished  step 6/220  nothing was trained" in plain([first])
    resumed, _ = header_rows(replace(ended, condition=RunCondition.LIVE), None, 80)
    assert "nothing was trained" not in plain([resumed])
    assert "● live" in plain([resumed])
