"""Draft of a new run: the same settings, checks and refusals for the dialog and for the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cure_tui.launch.draft import Draft, check, offered_settings, shown_value
from cure_tui.launch.prepare import prepare_run
from engine.config.settings import setting_named
from engine.errors import ConfigError, EnvironmentError_
from engine.presets import load_preset, setting_names
from engine.runs.folder import RunFolder
from tests.cure_tui.command_line import Cli

pytestmark = pytest.mark.usefixtures("own_home")


@pytest.mark.parametrize(
    ("name", "typed", "fault"),
    [
        ("run.steps", "40", ""),
        ("run.steps", "", ""),  # as the preset
        ("run.steps", "9x", 'run.steps = "9x" should be a valid integer'),
        ("run.steps", "-1", "run.steps = -1 should be greater than or equal to 0"),
        ("run.max_minutes", "2.5", ""),
        ("model.thinking", "yes", 'model.thinking = "yes" should be a valid boolean'),
        ("policy.betas", "[0.9, 0.99]", ""),
        ("policy.precision", "nf4", "nf4 weights do not go with model.dtype"),  # a rule on two settings
        ("data.train", "2024", ""),  # a text, though it looks like a number
        ("reward.labels", "nobody", 'reward.labels = "nobody" should be hidden, consensus or tester:WHO'),
    ],
)
def test_a_value_is_judged_as_typed(name: str, typed: str, fault: str) -> None:
    said = Draft.of("nano").fault_of(name, typed)
    assert said.startswith(fault) if fault else said == ""
    assert "--set" not in said


def test_a_fault_of_another_setting_does_not_hinder_the_next_one() -> None:
    draft = Draft.of("nano").with_change("policy.precision", "nf4")
    assert draft.fault_of("run.steps", "5") == ""
    assert draft.with_change("model.dtype", "bf16").own_fault() is None


def test_a_draft_is_what_the_command_line_would_load() -> None:
    draft = Draft.of("qwen3-4b@48").with_change("run.steps", "7").with_change("data.train", "data:mine/a b.json")
    config = load_preset("qwen3-4b@48", ["run.steps=7", 'data.train="data:mine/a b.json"'])
    assert draft.load() == config
    assert draft.typed("data.train") == "data:mine/a b.json" == shown_value(setting_named("data.train"), config)
    assert draft.with_preset("nano").load().run.steps == 7


def test_every_setting_has_a_meaning_and_a_range_and_its_preset_value_is_one_that_can_be_typed() -> None:
    draft, config = Draft.of("nano"), load_preset("nano")
    offered = offered_settings()
    assert {each.name for each in offered} == set(setting_names()) - {
        "name", "description", "variant", "start", "model.prompt_text",
    }  # fmt: skip
    for setting in offered:
        assert "" not in (setting.meaning, setting.allowed), setting
        value = shown_value(setting, config)
        assert draft.fault_of(setting.name, value) == "", setting
        assert not setting.choices or value in setting.choices, setting
    assert setting_named("rollout.n_programs").allowed == "a whole number from 2 to 512"
    assert setting_named("rollout.top_p").allowed == "a number, above 0 and at most 1"


def test_data_that_is_not_here_is_refused_with_the_command_that_fetches_it() -> None:
    draft = Draft.of("nano").with_change("data.train", "data:codecontests/train.jsonl")
    checked = check(draft)
    assert not checked.may_start
    assert "run `cure-tui data fetch codecontests`" in checked.refusals[0].remedy
    assert checked.question is not None
    assert "tasks   train not here, validation " in checked.question.text
    with pytest.raises(EnvironmentError_, match="no train tasks at"):
        prepare_run(draft.source, draft.overrides, None)


def test_invalid_settings_are_refused_with_the_words_of_the_command_line() -> None:
    checked = check(Draft.of("nano").with_change("policy.precision", "nf4"))
    assert (checked.may_start, checked.question) == (False, None)
    assert checked.base is not None
    assert checked.base.policy.precision == "fp32"
    assert str(checked.refusals[0].what).endswith('nf4 weights do not go with model.dtype = "fp32"')
    assert check(Draft.of("no-such-preset")).base is None


def test_a_run_has_the_name_that_the_user_gives_it_and_a_name_is_given_once(tmp_path: Path) -> None:
    draft = Draft(preset="nano", name="first.try_2")
    assert check(draft).may_start
    made = prepare_run(draft.source, draft.overrides, None, draft.name)
    assert made.folder.path.name == "first.try_2"
    assert RunFolder.open(made.folder.path).id == "first.try_2"
    for name, said in (("first.try_2", "is taken"), ("../out", "is no name"), ("a b", "is no name"), ("-x", "no name")):
        assert said in draft.fault_of_name(name)
        assert not check(Draft(preset="nano", name=name)).may_start
        with pytest.raises(ConfigError, match=said):
            prepare_run("nano", [], None, name)


def test_the_command_line_names_runs_too(cli: Cli, runnable: Callable[..., Path]) -> None:
    preset = str(runnable())
    done = cli.scripted("--preset", preset, "--no-ui", "--name", "my-first")
    assert done.returncode == 0, done.stderr
    assert "run my-first" in done.stderr
    again = cli.scripted("--preset", preset, "--no-ui", "--name", "my-first")
    assert again.returncode == 2
    assert "the name my-first is taken (resume that run with `cure-tui resume my-first`" in again.stderr
    assert cli.scripted("resume", "FIRST", "--no-ui").returncode == 0  # by a part, whatever its case
