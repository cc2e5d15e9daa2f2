"""Texts of the start dialog: its lines, each with a key, and the report below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.text import Text

from cure_tui.drawing.palette import styles_of
from cure_tui.drawing.spans import one_column, printable
from cure_tui.launch.draft import FIRST_SETTINGS, Checked, Draft, shown_value
from engine.config import RunConfig
from engine.config.settings import setting_named
from engine.machine.home import run_name

START, NOTHING, PRESET, VARIANT, NAME, SETTINGS = "start", "nothing", "preset", "variant", "name", "settings"
KEYS: Mapping[str, tuple[str, str]] = {
    PRESET: ("p", "preset"),
    VARIANT: ("v", "variant"),
    "run.steps": ("s", "steps"),
    "run.max_minutes": ("m", "minutes"),
    "run.seed": ("e", "seed"),
    NAME: ("a", "name"),
    SETTINGS: ("o", "other settings"),
}
"""Key and label of each line that can be changed; other changed settings follow without a key."""
_LABEL = 24


@dataclass(frozen=True, slots=True)
class Line:
    """Line of the dialog. name: of what it changes; key: "" for none; hint: beside the value, muted."""

    name: str
    key: str
    label: str
    value: str = ""
    hint: str = ""
    style: str = "text"


def lines_of(draft: Draft, checked: Checked, *, is_checked: bool) -> Iterator[Line]:
    """Yield the lines from top to bottom. is_checked: the check is of this very draft."""
    if not is_checked:
        yield Line(START, "y", "start it", "checking", style="muted")
    elif checked.may_start:
        yield Line(START, "y", "start it", "fits this machine", style="good")
    else:
        yield Line(START, "y", "start it", "cannot start: see below", style="error")
    yield Line(NOTHING, "n", "start nothing")
    yield Line(PRESET, *KEYS[PRESET], *_preset(draft))
    variants = draft.variants()
    if variants:
        variant = draft.variant or _variant(checked.base)
        chosen = "" if draft.variant else "for this machine; "
        yield Line(VARIANT, *KEYS[VARIANT], variant, f"{chosen}GB of GPU memory: {', '.join(variants)}")
    for name in FIRST_SETTINGS:
        yield _setting_line(name, draft, checked.base, *KEYS[name])
    yield Line(NAME, *KEYS[NAME], draft.name, "" if draft.name else "preset and time")
    yield Line(SETTINGS, *KEYS[SETTINGS], "", "every setting, with its range and meaning")
    for name in draft.changes:
        if name not in FIRST_SETTINGS:
            yield _setting_line(name, draft, checked.base, "", name)


def _preset(draft: Draft) -> tuple[str, str]:
    """Return the preset, or the run whose settings these are, and the run whose adapter it starts from."""
    path = Path(draft.preset)
    named = f"settings of run {path.parent.name}" if path.name == "config.toml" else draft.preset
    return named, f"from the adapter of {run_name(Path(draft.start))}" if draft.start else ""


def _variant(base: RunConfig | None) -> str:
    return base.variant if base is not None else ""


def _setting_line(name: str, draft: Draft, base: RunConfig | None, key: str, label: str) -> Line:
    preset = "?" if base is None else shown_value(setting_named(name), base)
    if name in draft.changes:
        return Line(name, key, label, draft.typed(name), f"preset: {preset}; Delete takes it back", "warning")
    hints = {"run.max_minutes": "0 = no limit", "run.steps": "0 = only evaluate"}
    return Line(name, key, label, preset, hints.get(name, ""))


def row_text(line: Line, theme: str) -> Text:
    """Return the line as the list shows it."""
    styles = styles_of(theme)
    return Text.assemble(
        (f"{line.key or ' '}  ", styles["accent"]),
        (f"{line.label:<{_LABEL}} " if line.value or line.hint else line.label, styles["text"]),
        (one_column(line.value), styles[line.style]),
        (f"{'  ' if line.value else ''}{one_column(line.hint)}", styles["muted"]),
        no_wrap=True,
        overflow="ellipsis",
    )


def report_text(checked: Checked, theme: str) -> Text:
    """Return what keeps the run from starting, each with its remedy, then what it will take and what else is live."""
    styles = styles_of(theme)
    text = Text()
    for missing in checked.refusals:
        text.append(f"✘ {printable(missing.what)}\n", styles["error"])
        if missing.remedy:
            text.append(f"  → {printable(missing.remedy)}\n", styles["text"])
    question = checked.question
    if question is not None:
        live = question.live or "No other run is live on this machine."
        text.append(f"{live}\n", styles["warning" if question.live else "muted"])
        text.append(question.text.removesuffix(question.live).rstrip(), styles["text"])
    return text
