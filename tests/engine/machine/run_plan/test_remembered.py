"""Rates of earlier runs: written by one, used by the plan of the next, and never a reason to fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.machine.cards import Gpu
from engine.machine.run_plan import Room, plan_run
from engine.machine.run_plan.remembered import measured_now, rate_key, recall, remember
from engine.machine.run_plan.speed import device_name
from engine.presets import load_preset

ROOM = Room(Gpu("NVIDIA GeForce RTX 4090", 24.0, 24.0), 128, 120, 500, 16)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CURE_TUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    return tmp_path / "home"


def test_a_plan_goes_by_what_was_measured_here() -> None:
    config = load_preset("qwen3-4b@24", (), Path("/none"))
    before = plan_run(config, ROOM)
    remember(rate_key(config, device_name(ROOM)), measured_now(2000.0, 3000.0, 3000.0, 2000.0, 10_000))
    after = plan_run(config, ROOM)
    assert before is not None
    assert after is not None
    assert after.speed.sampled(config.rollout) == pytest.approx(2000)
    assert after.speed.trained_per_second == 3000
    assert after.work.start.tokens == pytest.approx(448 * 3000 + 448 * 2000)
    assert after.times.start < before.times.start
    assert after.speed.basis.startswith("as measured here on ")


def test_what_another_card_reached_is_not_used() -> None:
    config = load_preset("qwen3-4b@24", (), Path("/none"))
    remember(rate_key(config, "another card"), measured_now(2000.0, 3000.0, 3000.0, 2000.0, 10_000))
    assert recall(rate_key(config, device_name(ROOM))) is None
    remember(rate_key(config, device_name(ROOM)), measured_now(2000.0, 3000.0, 3000.0, 2000.0, 10_000))
    assumed = plan_run(config, ROOM.with_card(24))
    assert assumed is not None
    assert assumed.speed.basis.startswith("rough")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"k": 3}', '{"k": {"sampled_per_second": "fast"}}', "[" * 100_000, '{"k": {"time": null}}']
)
def test_a_damaged_file_is_passed_over_and_written_anew(home: Path, text: str) -> None:
    home.mkdir()
    (home / "rates.json").write_text(text)
    assert recall("k") is None
    measured = measured_now(1.0, 2.0, 3.0, 4.0, 5)
    remember("k", measured)
    assert recall("k") == measured


def test_the_oldest_rates_make_room(home: Path) -> None:
    for number in range(210):
        remember(str(number), measured_now(1.0, 2.0, 3.0, 4.0, 5))
    assert recall("0") is None
    assert recall("209") is not None
