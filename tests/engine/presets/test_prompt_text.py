"""Worked turns in the settings: read once from their file, and frozen with the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.machine.resources import WORKED_TURNS, source_path
from engine.machine.toml_text import dump_toml
from engine.presets import load_config, load_preset

SHOTS = "model.prompt_style=shots"
BUILT_IN = source_path(WORKED_TURNS).read_text(encoding="utf-8")


def test_without_a_file_the_built_in_turns_are_frozen() -> None:
    assert load_preset("nano", [SHOTS]).model.prompt_text == BUILT_IN


def test_another_style_carries_no_turns() -> None:
    assert load_preset("nano").model.prompt_text == ""


def test_a_runs_settings_keep_the_text_when_the_file_changes(tmp_path: Path) -> None:
    file, config = tmp_path / "mine.toml", tmp_path / "config.toml"
    file.write_text('# "one" \\ \t\nline\n', encoding="utf-8")
    loaded = load_preset("nano", [SHOTS, f"model.prompt_file={file}"])
    config.write_text(dump_toml(loaded), encoding="utf-8")
    file.unlink()
    assert load_config(config) == loaded
    assert load_config(config).model.prompt_text == '# "one" \\ \t\nline\n'


def test_a_file_is_relative_to_the_preset_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("# mine", encoding="utf-8")
    preset = tmp_path / "own.toml"
    preset.write_text(
        'extends = "nano"\n[model]\nprompt_style = "shots"\nprompt_file = "mine.toml"\n', encoding="utf-8"
    )
    assert load_preset(preset).model.prompt_text == "# mine"


def test_a_later_file_replaces_the_text_of_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "first.toml").write_text("# first", encoding="utf-8")
    (tmp_path / "second.toml").write_text("# second", encoding="utf-8")
    config = tmp_path / "config.toml"
    config.write_text(dump_toml(load_preset("nano", [SHOTS, f"model.prompt_file={tmp_path / 'first.toml'}"])))
    again = load_config(config, [f"model.prompt_file={tmp_path / 'second.toml'}"])
    assert again.model.prompt_text == "# second"
    assert load_config(config, ["model.prompt_file="]).model.prompt_text == BUILT_IN


def test_a_run_of_an_earlier_version_has_no_turns(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    text = dump_toml(load_preset("nano"))
    config.write_text("".join(line for line in text.splitlines(keepends=True) if not line.startswith("prompt_")) + "")
    text = config.read_text().replace("[model]\n", '[model]\nprompt_style = "short"\n')
    config.write_text(text.replace('without_correct = "skip"\n', ""))
    loaded = load_config(config)
    assert (loaded.model.prompt_file, loaded.model.prompt_text, loaded.reward.without_correct) == ("", "", "skip")


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["absent", "no text"])
def test_a_file_that_cannot_be_read_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.toml") as refused:
        load_preset("nano", [SHOTS, f"model.prompt_file={file}"])
    assert refused.value.remedy
