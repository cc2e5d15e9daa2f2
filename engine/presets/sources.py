"""Sources of raw, unchecked settings: preset files, the presets they extend, and `--set` overrides."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from engine.errors import ConfigError
from engine.machine.home import settings_home
from engine.machine.regular_files import read_regular, user_path
from engine.machine.resources import preset_files
from engine.machine.toml_reading import parse_toml
from engine.presets.toml_lines import NO_LINES, KeyLines, KeyPath, line_of

Tree: TypeAlias = dict[str, Any]
"""Nested tables, as tomllib returns them, until RunConfig has checked them."""

EXTENDS = "extends"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True)
class Document:
    """Source of settings: a file, or one override."""

    label: str
    tree: Tree
    lines: KeyLines
    folder: Path
    is_override: bool = False

    def holds(self, path: KeyPath) -> bool:
        """Return whether this document sets `path` or a value on the way to it."""
        at: object = self.tree
        for depth, part in enumerate(path):
            if isinstance(at, dict):
                if part not in at:
                    return False
                at = at[part]
            else:
                return depth > 0
        return True

    def where(self, path: KeyPath) -> str:
        """Return `file:line` of `path`, or of the table it should be in."""
        line = line_of(self.lines, path)
        return f"{self.label}:{line}" if line is not None else self.label


def user_presets_folder() -> Path:
    """Return the folder of the user's presets: `presets/` in CURE_TUI_CONFIG, or in the platform's folder."""
    return settings_home() / "presets"


def find_preset(name_or_path: str | Path, user_dir: Path | None = None) -> Path:
    """Find the file of a preset: a path, a user's preset, or a built-in one, in this order. Raises ConfigError."""
    text = str(name_or_path)
    if text.endswith(".toml") or os.sep in text:
        path = user_path(text)
        if not os.path.isfile(path):
            raise ConfigError(f"no preset file '{text}'", "check the path")
        return path
    presets = list_presets(user_dir)
    if text in presets:
        return presets[text]
    raise ConfigError(f"no preset '{text}'", suggestion(text, list(presets)) or "see `cure-tui presets`")


def list_presets(user_dir: Path | None = None) -> dict[str, Path]:
    """Return every preset's file by name; a user's preset hides a built-in one of the same name."""
    folder = user_presets_folder() if user_dir is None else user_dir
    own = {path.stem: path for path in sorted(folder.glob("*.toml"))} if folder.is_dir() else {}
    return {**preset_files(), **own}


def read_documents(path: Path, user_dir: Path | None = None) -> list[Document]:
    """Read the file and those it extends, the most basic one first. Raises ConfigError."""
    documents: list[Document] = []
    visited: list[str] = []
    next_path: Path | None = path
    while next_path is not None:
        place = os.path.realpath(next_path)
        if place in visited:
            raise ConfigError(
                f"{documents[-1].where((EXTENDS,))}: extends itself through '{next_path.name}'",
                "end the chain at a built-in preset",
            )
        visited.append(place)
        document = read_document(next_path)
        documents.append(document)
        next_path = _extended(document, user_dir)
    return documents[::-1]


def read_document(path: Path) -> Document:
    """Read one TOML file. Raises ConfigError if it cannot be read or is not TOML."""
    label = str(path)
    try:
        # A regular file, or the one that a link names: a FIFO would never end, a device may give gigabytes.
        text = read_regular(path, _MOST_BYTES).decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{label}: not UTF-8 text (byte {error.start})", "save the preset as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{label}: cannot be read: {error.strerror}", "check the path and its permissions") from error
    text = text.replace("\r\n", "\n")
    try:
        tree = parse_toml(text)
    except tomllib.TOMLDecodeError as error:
        line, reason = _syntax_error(str(error), text)
        raise ConfigError(f"{label}:{line}: not valid TOML: {reason}", "fix that line") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, lists in lists in lists
        raise ConfigError(f"{label}: not a preset: {type(error).__name__}", "fix the file") from error
    return Document(label, tree, KeyLines(text), Path(os.path.realpath(path)).parent)


def read_override(text: str) -> Document:
    """Read `a.b=c` from `--set`: c is TOML, or plain text if it is not valid TOML."""
    key, equals, value_text = text.partition("=")
    parts = tuple(part.strip() for part in key.split("."))
    if not equals or not all(parts):
        raise ConfigError(f"--set {text}: not of the form section.key=value", "write for example --set run.steps=10")
    value: Any = _toml_value(value_text.strip())
    for part in reversed(parts):
        value = {part: value}
    return Document(f"--set {text}", value, NO_LINES, Path.cwd(), is_override=True)


def merged(documents: list[Document]) -> Tree:
    """Merge documents into one tree; a later one takes precedence, table by table."""
    tree: Tree = {}
    for document in documents:
        tree = _merge(tree, document.tree)
    tree.pop(EXTENDS, None)
    return tree


def suggestion(word: str, valid: list[str], prefix: str = "") -> str:
    """Return `did you mean '...'?` with the valid word nearest to `word`, after `prefix`; "" if none is near."""
    near = difflib.get_close_matches(word, valid, n=1, cutoff=0.5)
    return f"did you mean '{prefix}{near[0]}'?" if near else ""


def _extended(document: Document, user_dir: Path | None) -> Path | None:
    base = document.tree.get(EXTENDS)
    if base is None:
        return None
    where = document.where((EXTENDS,))
    if not isinstance(base, str):
        raise ConfigError(f"{where}: {EXTENDS} must be the name of a preset", f'write {EXTENDS} = "nano"')
    if base == Path(document.label).stem:
        # A user's own "nano" may extend the built-in one.
        built_in = preset_files().get(base)
        if built_in is not None and built_in.resolve() != Path(document.label).resolve():
            return built_in
    try:
        if base.endswith(".toml"):
            return find_preset(document.folder / base, user_dir)
        return find_preset(base, user_dir)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error.message}", error.remedy) from error


def _merge(base: Tree, update: Tree) -> Tree:
    result = dict(base)
    for key, value in update.items():
        old = result.get(key)
        result[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def _toml_value(text: str) -> object:
    try:
        tree = parse_toml(f"value = {text}")
    except (ValueError, RecursionError):  # no TOML, a number of thousands of digits, lists in lists in lists
        return text
    return tree["value"] if set(tree) == {"value"} else text


def _syntax_error(message: str, text: str) -> tuple[int, str]:
    """Parse line and reason from tomllib's "... (at line 3, column 5)" or "... (at end of document)"."""
    found = re.search(r" \(at line (\d+), column \d+\)$", message)
    if found:
        return int(found.group(1)), message[: found.start()]
    return max(1, len(text.splitlines())), message.removesuffix(" (at end of document)")
