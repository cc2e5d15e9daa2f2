"""Draft of a new run: a preset with the user's changes, and the check of it before anything is started.

The dashboard's start dialog and the command line make the same draft and have it checked by the same functions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from cure_tui.launch.prepare import with_labels, with_start
from cure_tui.launch.question import Question, labels_warning, origin_warning, start_question
from engine.config import RunConfig
from engine.config.settings import Setting, all_settings, setting_named
from engine.errors import ConfigError, CureError
from engine.machine.home import named_run_path, runs_home
from engine.machine.libraries import Missing
from engine.machine.probe import probe_machine
from engine.machine.requirements import missing_for
from engine.machine.toml_reading import parse_toml
from engine.machine.toml_text import toml_value
from engine.presets import load_preset, preset_variants, split_variant
from engine.runs.lineage import split_step
from engine.runs.listing import find_run

FIRST_SETTINGS = ("run.steps", "run.max_minutes", "run.seed")
"""Settings that most users change; the dialog shows them apart."""
_NOT_OFFERED = ("name", "description", "variant", "start", "model.prompt_text")
"""Settings that a dialog has another place for, or that are no line of text."""


@dataclass(frozen=True)
class Draft:
    """New run as the user wants it.

    preset: a name or the path of a TOML file, without a variant; variant: "" for the one of this machine. changes: by
    setting, as TOML. start: run whose adapter it starts from, "" for none. name: of the run, "" for one with the time.
    """

    preset: str
    variant: str = ""
    changes: Mapping[str, str] = field(default_factory=dict)
    start: str = ""
    name: str = ""

    @classmethod
    def of(cls, preset: str, start: str = "") -> Draft:
        """Return the draft of a preset as it is, "qwen3-4b@48" for a variant of it."""
        name, variant = split_variant(preset)
        return cls(name, variant or "", start=start)

    @property
    def source(self) -> str:
        """Preset and variant as one argument of `load_preset`."""
        return f"{self.preset}@{self.variant}" if self.variant else self.preset

    @property
    def overrides(self) -> list[str]:
        start = [f"start={toml_value(self.start)}"] if self.start else []
        return [*(f"{name}={value}" for name, value in self.changes.items()), *start]

    def with_preset(self, preset: str) -> Draft:
        """Return the draft by another preset, with the same changes."""
        return replace(self, preset=preset, variant="")

    def with_change(self, name: str, text: str) -> Draft:
        """Return the draft with a setting as the user has typed it; "" takes the change back."""
        changes = {key: value for key, value in self.changes.items() if key != name}
        if text.strip():
            changes[name] = as_toml(setting_named(name), text.strip())
        return replace(self, changes=changes)

    def typed(self, name: str) -> str:
        """Return a changed setting as the user has typed it, without the quotes of a text."""
        value = _parsed(self.changes[name])
        return value if isinstance(value, str) else self.changes[name]

    def load(self) -> RunConfig:
        """Return the settings. Raises ConfigError."""
        return load_preset(self.source, self.overrides)

    def fault_of(self, name: str, text: str) -> str:
        """Say what is wrong with this value of a setting, alone or beside the others; "" if nothing is."""
        draft = self.with_change(name, text)
        fault = draft.own_fault()
        if fault is None or str(fault) == str(self.own_fault()):  # not of this setting's making
            return ""
        place = f"--set {name}={draft.changes.get(name)}: "  # that is the line under the user's hands
        remedy = "" if fault.remedy.startswith(f"{name}: ") else fault.remedy  # else the meaning of the setting
        return str(ConfigError(fault.message.removeprefix(place), remedy))

    def own_fault(self) -> ConfigError | None:
        """Return what is wrong with the settings as they are, None if nothing is."""
        try:
            self.load()
        except ConfigError as error:
            return error
        return None

    def fault_of_name(self, name: str) -> str:
        """Say why a new run cannot have this name; "" if it can."""
        try:
            if name:
                named_run_path(name)
        except ConfigError as error:
            return str(error)
        return ""

    def variants(self) -> list[str]:
        """Return the variants of the preset, none if its file cannot be read."""
        try:
            return preset_variants(self.preset)
        except ConfigError:
            return []


@dataclass(frozen=True)
class Checked:
    """Draft after its check. refusals: all that keeps it from starting.

    base: settings of its preset without the changes, None if they are invalid. question: what it will take and what
    else is live, None for invalid settings.
    """

    draft: Draft
    base: RunConfig | None
    refusals: tuple[Missing, ...]
    question: Question | None

    @property
    def may_start(self) -> bool:
        return not self.refusals and self.question is not None


def check(draft: Draft) -> Checked:
    """Check settings, name, this machine, and the runs that the draft builds on; for a thread of its own."""
    base = config = None
    refusals: list[Missing] = []
    notes: list[str] = []
    foreign = ""
    try:
        base = load_preset(draft.source)
        config = draft.load()
        if draft.name:
            named_run_path(draft.name)
        config = with_labels(config, notes.append)
        foreign = labels_warning(config)
        if config.start:
            origin = find_run(split_step(config.start.removeprefix("run:"))[0]).path
            foreign = origin_warning([origin]) or foreign
            config, _ = with_start(config, notes.append)
    except CureError as error:
        refusals.append(Missing(error.message, error.remedy))
    if config is None:
        return Checked(draft, base, tuple(refusals), None)
    refusals += missing_for(config, probe_machine(runs_home()))
    return Checked(draft, base, tuple(refusals), start_question(config, notes, foreign))


def offered_settings() -> list[Setting]:
    """Return the settings that a user may change one by one."""
    return [each for each in all_settings() if each.name not in _NOT_OFFERED]


def as_toml(setting: Setting, text: str) -> str:
    """Return a typed value as TOML: a text need not be quoted."""
    if not setting.is_text:
        return text
    return text if isinstance(_parsed(text), str) else toml_value(text)


def shown_value(setting: Setting, config: RunConfig) -> str:
    """Return a setting's value as a user types it: without the quotes of a text."""
    value = setting.value_in(config)
    return str(value) if isinstance(value, str) else toml_value(value)


def _parsed(text: str) -> object:
    """Return the value of a TOML text, None if it is none."""
    try:
        return parse_toml(f"value = {text}").get("value")
    except (ValueError, RecursionError):
        return None
