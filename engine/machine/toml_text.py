"""Writer of readable TOML from a configuration: `config.toml` of a run, `cure-tui presets show`."""

from __future__ import annotations

import json
import math

from engine.config.schema import RunConfig, Section
from engine.printable import printable, toml_escape

_COMMENT_COLUMN = 40


def dump_toml(config: RunConfig, comments: bool = False) -> str:
    """Format `config` as TOML that `load_config` reads back; with `comments`, each setting is explained."""
    lines = list(_lines_of(config, comments))
    for name in type(config).model_fields:
        section = getattr(config, name)
        if isinstance(section, Section):
            lines += ["", f"[{name}]", *_lines_of(section, comments)]
    return "\n".join(lines) + "\n"


def _lines_of(section: Section, comments: bool) -> list[str]:
    """Format the settings of one table, without its subtables."""
    lines = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            continue
        has_lines = isinstance(value, str) and "\n" in value
        line = f"{name} = {_text_of_lines(value) if has_lines else toml_value(value)}"
        if comments and field.description:
            line = f"{line:<{_COMMENT_COLUMN}}  # {field.description}"
        lines.append(line)
    return lines


def _text_of_lines(text: str) -> str:
    """Format a text of several lines as people write it in TOML, without escapes where it needs none."""
    is_plain = all(toml_value(line)[1:-1].replace('\\"', '"') == line for line in text.split("\n"))
    if is_plain and "'''" not in text and not text.endswith("'"):
        return f"'''\n{text}'''"
    return '"""\n' + "\n".join(toml_value(line)[1:-1] for line in text.split("\n")) + '"""'


def toml_value(value: object) -> str:
    """Format a string, number, boolean or array of those as TOML. Raises TypeError for any other value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # JSON's escapes are valid TOML; DEL must be escaped too, and what a terminal would obey can be.
        return printable(json.dumps(value, ensure_ascii=False), shown=toml_escape)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)  # 1e-06 is a float in TOML too
    if isinstance(value, tuple | list):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    raise TypeError(f"no setting is a {type(value).__name__}: {value!r}")
