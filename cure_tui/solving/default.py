"""User's default for `cure-tui solve`: options saved by --save-default in `solve.toml`, beside endpoints.toml."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import ConfigError, CureError
from engine.machine.home import settings_home
from engine.machine.regular_files import read_regular
from engine.machine.toml_reading import parse_toml

NANO = "nano"
"""Model that solves where no other is named."""
WRITERS, OTHERS = ("coder", "tester"), ("judge", "specifier")
OPTIONS: Mapping[str, tuple[str, type | tuple[type, ...], float, float]] = {
    "coder": ("--coder", str, 0, 0),
    "tester": ("--tester", str, 0, 0),
    "judge": ("--judge", str, 0, 0),
    "specifier": ("--specifier", str, 0, 0),
    "n": ("-n", int, 1, 512),
    "m": ("-m", int, 0, 512),
    "strategy": ("--strategy", str, 0, 0),
    "select": ("--select", str, 0, 0),
    "budget": ("--budget", str, 0, 0),
    "temperature": ("--temperature", (int, float), 0, 5),
    "max_tokens": ("--max-tokens", int, 1, 1 << 31),
    "keep": ("--keep", str, 0, 0),
}
"""Options that a default may hold: spelling, type, bounds of numbers. The writers stand for --model and the like."""

Default = dict[str, Any]
_FILE = "solve.toml"
_MOST_BYTES = 1 << 20
_AGAIN = "`cure-tui solve --save-default OPTIONS` saves another, without options it clears it"


def default_file() -> Path:
    return settings_home() / _FILE


def read_default() -> Default:
    """Return the saved options; empty without a file. Raises ConfigError for a broken one."""
    path = default_file()
    try:
        tree = parse_toml(read_regular(path, _MOST_BYTES).decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}", "make it readable for you") from error
    except (ValueError, RecursionError) as error:  # also a number of thousands of digits, lists in lists in lists
        raise ConfigError(f"{path} is not valid TOML: {str(error)[:200]}", _AGAIN) from None
    for name, value in tree.items():
        if name not in OPTIONS:
            raise ConfigError(f"{path}: '{name}' is no option of a default", _AGAIN)
        spelling, kind, least, most = OPTIONS[name]
        is_fit = isinstance(value, kind) and not isinstance(value, bool)
        if not is_fit or (isinstance(value, int | float) and not least <= value <= most):
            raise ConfigError(f"{path}: {name} = {value!r} is not a value of {spelling}", _AGAIN)
    return tree


def save_default(default: Default) -> None:
    """Write the default in one step, readable for its user only; an empty one removes the file.

    Raises ConfigError: a writer does not exist, a value is invalid, or the file cannot be written.
    """
    path = default_file()
    check_default(default)
    _check_needs(default)
    try:
        if not default:
            path.unlink(missing_ok=True)
            return
        from engine.machine.toml_text import toml_value

        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, aside = tempfile.mkstemp(prefix=".solve-", dir=path.parent)  # mode 0600
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write("# Written by `cure-tui solve --save-default`.\n")
                file.writelines(f"{name} = {toml_value(value)}\n" for name, value in default.items())
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(aside)
            raise
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}", "make its folder writable") from error


def check_default(default: Default) -> None:
    """Raise ConfigError if an option cannot be used, such as a run that has been deleted."""
    from cure_tui.solving.kept import keep_seconds
    from engine.solve.selectors import find_selector
    from engine.solve.strategies import Budget, find_strategy

    for name in (*WRITERS, *OTHERS):
        if name in default:
            _check_writer(default[name])
    find_strategy(default.get("strategy", "bon"))
    if default.get("select"):
        find_selector(default["select"])
    Budget.parse(default.get("budget", ""))
    keep_seconds(default.get("keep", "0"))


def _check_needs(default: Default) -> None:
    """Raise ConfigError if the default's strategy asks too much of its writers, nano where none is named.

    A solve that names other writers may still use the strategy: its engine checks them before it loads any.
    """
    from engine.solve.needs import refuse_unmet_needs
    from engine.solve.strategies import Part, find_strategy
    from engine.solve.writers.spec import parse_spec

    def writer_of(part: Part) -> str:
        return default.get(part.value) or default.get(part.role.value) or NANO

    strategy = find_strategy(default.get("strategy", "bon"))
    refuse_unmet_needs(strategy, {part: parse_spec(writer_of(part)) for part in strategy.parts})


def absolute_writer(text: str) -> str:
    """Return the spec by which every folder's user means the same writer. Raises CureError as `check_default`."""
    from engine.solve.kept.identity import absolute_spec
    from engine.solve.writers.spec import parse_spec

    return str(absolute_spec(parse_spec(text)))


def in_words(default: Default) -> str:
    """Return the options as one would type them."""
    return " ".join(f"{OPTIONS[name][0]} {shlex.quote(str(value))}" for name, value in default.items())


def check_saved(default: Default) -> None:
    """Check options of the saved default as `check_default`; the error names the default and its remedy."""
    try:
        check_default(default)
    except CureError as error:
        raise ConfigError(f"your saved default cannot be used: {error.message}", _AGAIN) from error


def _check_writer(text: str) -> None:
    from engine.machine.model_folders import folder_fault, gguf_file, gguf_refusal, is_folder_source
    from engine.machine.regular_files import user_path
    from engine.presets import load_preset
    from engine.runs.listing import find_run
    from engine.solve.writers.spec import parse_spec

    spec = parse_spec(text)
    if spec.kind == "run":
        find_run(spec.name)
    elif spec.kind == "preset":
        load_preset(spec.name)
    elif spec.kind == "model" and is_folder_source(spec.name):
        folder = user_path(spec.name)
        if file := gguf_file(folder):
            raise ConfigError(*gguf_refusal(file))
        if fault := folder_fault(folder) if os.path.isdir(folder) else "does not exist":
            raise ConfigError(f"model folder {folder} {fault}", "name the folder of a model")
