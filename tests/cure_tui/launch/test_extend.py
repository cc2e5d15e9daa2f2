"""Extensions of a finished run: what is typed, and the limits that it becomes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cure_tui.launch.extend import Extension, extension_fault, prepare_extension
from engine.errors import CureError
from engine.machine.toml_text import dump_toml
from engine.presets import load_preset
from engine.runs.folder import RunFolder
from tests.cure_tui.recorded import record_run

pytestmark = pytest.mark.usefixtures("own_home")
STEPS = 3


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("5 min", Extension(minutes=5)), ("2.5", Extension(minutes=2.5)), (" 7M ", Extension(minutes=7)),
        ("20 steps", Extension(steps=20)), ("1 step", Extension(steps=1)), ("3s", Extension(steps=3)),
    ],
)  # fmt: skip
def test_minutes_or_steps_are_read(text: str, more: Extension) -> None:
    assert Extension.parse(text) == more
    assert extension_fault(text) == ""


@pytest.mark.parametrize("text", ["", "soon", "0 min", "-1", "1.5 steps", "5 hours", "1e9"])
def test_anything_else_is_refused_with_what_to_type(text: str) -> None:
    assert "20 steps" in extension_fault(text)


def test_the_limit_that_is_not_extended_gives_way(tmp_path: Path) -> None:
    settings = load_preset("nano", [f"run.steps={STEPS}", "run.max_minutes=6"])
    folder = RunFolder.create(tmp_path / "home" / "runs" / "nano-over", dump_toml(settings))
    record_run(folder, STEPS)
    assert prepare_extension(folder.path, Extension(steps=4)).new_limits == ("run.steps=7", "run.max_minutes=0")
    by_minutes = prepare_extension(folder.path, Extension(minutes=5)).config.run
    assert by_minutes.steps > 1000
    assert 5 < by_minutes.max_minutes < 6  # what it has used, and five more
    with pytest.raises(CureError, match="needs"):
        prepare_extension(folder.path, Extension(minutes=0.001))
