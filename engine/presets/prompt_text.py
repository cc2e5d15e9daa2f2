"""Text of the worked turns in the settings: `model.prompt_file` is read once, and its text is frozen with the run.

A run that is resumed, evaluated or asked to solve takes the text of its own config.toml, whatever has become of the
file since.
"""

from __future__ import annotations

from pathlib import Path

from engine.errors import ConfigError
from engine.machine.regular_files import read_regular
from engine.machine.resources import WORKED_TURNS, source_path
from engine.presets.sources import Document, Tree, merged
from engine.presets.toml_lines import NO_LINES

_MOST_BYTES = 1 << 18


def with_prompt_text(document: Document) -> Document:
    """Add the text of the file that a document names; a document with a text of its own is a run's, and keeps it.

    Raises ConfigError for a file that cannot be read.
    """
    table = document.tree.get("model")
    if not isinstance(table, dict) or "prompt_text" in table or not isinstance(table.get("prompt_file"), str):
        return document
    source = table["prompt_file"]
    text = _read(source, document.where(("model", "prompt_file"))) if source else ""
    tree = merged([document, _document(text)])
    return Document(document.label, tree, document.lines, document.folder, document.is_override)


def needs_built_in_turns(tree: Tree) -> bool:
    """Tell whether the settings ask for worked turns without naming any."""
    table = tree.get("model")
    return isinstance(table, dict) and table.get("prompt_style") == "shots" and not table.get("prompt_text")


def built_in_turns_document() -> Document:
    """Return the setting with the built-in turns as they are in this version."""
    return _document(_read(WORKED_TURNS, WORKED_TURNS))


def _document(text: str) -> Document:
    return Document("", {"model": {"prompt_text": text}}, NO_LINES, Path())


def _read(source: str, where: str) -> str:
    try:
        return read_regular(source_path(source), _MOST_BYTES).decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: {source} is not UTF-8 text", "save it as UTF-8") from error
    except OSError as error:
        remedy = "name a TOML file, or leave model.prompt_file empty for the built-in turns"
        raise ConfigError(f"{where}: {source} cannot be read: {error.strerror}", remedy) from error
