"""Loading a preset with overrides into a checked RunConfig; an error names file, line and remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from engine.config.rules import broken_rule
from engine.config.schema import RunConfig, Section
from engine.errors import ConfigError
from engine.machine.probe import card_gb
from engine.machine.regular_files import can_be_path, user_path
from engine.presets.prompt_text import built_in_turns_document, needs_built_in_turns, with_prompt_text
from engine.presets.sources import (
    Document,
    Tree,
    find_preset,
    merged,
    read_documents,
    read_override,
    suggestion,
)
from engine.presets.toml_lines import NO_LINES, KeyPath
from engine.presets.variants import (
    DESIGN_GB,
    choose_variant,
    chosen_variant,
    split_variant,
    variant_names,
    with_variant,
)

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_LOGIN = re.compile(r"//[^/\s\"]*@")
_PATH_SETTINGS: tuple[tuple[str, str], ...] = (
    ("model", "source"),
    ("model", "prompt_file"),
    ("data", "train"),
    ("data", "validation"),
    ("data", "heldout"),
)


def load_preset(
    name_or_path: str | Path,
    overrides: Sequence[str] = (),
    user_dir: Path | None = None,
    gpu_memory_gb: float | None = None,
) -> RunConfig:
    """Load and check the preset `name_or_path`, with `overrides` ("section.key=value") on top.

    A name is looked up among the user's presets (`user_dir`, by default the platform's folder), then the
    built-in ones; a text that ends in .toml or contains a slash is a file. A preset may begin with
    `extends = "other"` and set only what differs. Relative paths in a file are relative to that file, in an
    override to the working directory.

    `name@48` or the setting `variant` names a variant by GPU memory (see `engine.presets.variants`); otherwise it is
    chosen for a card of `gpu_memory_gb`, by default the largest of this machine.

    Raises ConfigError with file, line, key and a remedy.
    """
    return load_with_variants(name_or_path, overrides, user_dir, gpu_memory_gb)[0]


def load_with_variants(
    name_or_path: str | Path,
    overrides: Sequence[str] = (),
    user_dir: Path | None = None,
    gpu_memory_gb: float | None = None,
) -> tuple[RunConfig, list[str]]:
    """Load a preset as `load_preset` does, and return its variants as `preset_variants` does, of one reading."""
    name, said = split_variant(str(name_or_path))
    path = find_preset(name, user_dir)
    documents = read_documents(path, user_dir)
    # A preset that extends another has the name of its own file, unless it sets one.
    documents.insert(-1, Document(str(path), {"name": path.stem}, NO_LINES, path.parent))
    documents.insert(
        0, Document(str(path), {"start": ""}, NO_LINES, path.parent, is_override=True)
    )  # no preset sets it
    documents += [read_override(text) for text in overrides]
    names = variant_names(documents)

    if said is None and names:
        said = chosen_variant(documents)
    if said is not None and said not in names:
        raise ConfigError(
            f"preset '{name}' has no variant '{said}'",
            f"it has {', '.join(names)}" if names else f"write '{name}' alone: it has none",
        )

    def resolve(variant: str) -> RunConfig:
        return _checked([*with_variant(documents, variant), _variant_document(path, variant)])

    if not names:
        return _checked([_variant_document(path, ""), *documents]), names
    if said is not None:
        return resolve(said), names
    memory = gpu_memory_gb if gpu_memory_gb is not None else card_gb() or DESIGN_GB
    return resolve(choose_variant(names, memory, resolve)), names


_BEFORE: Tree = {
    "variant": "",
    "start": "",
    "model": {"prompt_file": "", "prompt_text": ""},
    "data": {"curriculum": "none"},
    "rollout": {
        "reading": "strict",
        "length_curriculum": [],
        "length_steps": 0,
        "length_truncated": 0.0,
        "sampling_threads": 0,
    },
    "reward": {
        "labels": "hidden",
        "anchors": 0,
        "checking_programs": 0,
        "tester_supervision": "none",
        "without_correct": "skip",
    },
    "vllm": {"device": "same", "kv_cache_dtype": "auto", "model_runner": "auto"},
    "sandbox": {"libraries": [], "time_rule": "exact"},
    "policy": {"engine": "local", "url": "", "server_alpha": 32.0},
    "evaluation": {"reading": "strict"},
}
"""Settings that runs of earlier versions do not name, with the values that those versions had."""


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Load the `config.toml` of a run, with overrides. Raises ConfigError."""
    earlier = Document(str(path), _BEFORE, NO_LINES, path.parent, is_override=True)
    documents = [earlier, *read_documents(path)]
    return _checked([*documents, *(read_override(text) for text in overrides)])


def preset_variants(name_or_path: str | Path, user_dir: Path | None = None) -> list[str]:
    """Return the variants of a preset in GB of GPU memory, smallest first; empty without any. Raises ConfigError."""
    name, _ = split_variant(str(name_or_path))
    return variant_names(read_documents(find_preset(name, user_dir), user_dir))


def setting_names() -> list[str]:
    """Return every setting as "section.key", in the order of the schema."""
    names = []
    for name, field in RunConfig.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            names += [f"{name}.{key}" for key in section.model_fields]
        else:
            names.append(name)
    return names


@dataclass(frozen=True)
class _Fault:
    """Error in a setting, with its place and remedy."""

    where: str
    message: str
    remedy: str


def _variant_document(path: Path, variant: str) -> Document:
    """Set `variant`, which presets need not set, to the variant in use, or to "" for none."""
    return Document(str(path), {"variant": variant}, NO_LINES, path.parent, is_override=True)


def _checked(documents: list[Document]) -> RunConfig:
    tree = merged([with_prompt_text(_with_absolute_paths(document)) for document in documents])
    if needs_built_in_turns(tree):
        tree = merged([Document("", tree, NO_LINES, Path()), built_in_turns_document()])
    try:
        config = RunConfig.model_validate(tree)
    except ValidationError as error:
        faults = _faults(error, documents)
        message = f"{faults[0].where}: {faults[0].message}"
        if len(faults) > 1:
            message += f" (and {len(faults) - 1} more)"
        raise ConfigError(message, faults[0].remedy) from error
    conflict = broken_rule(config)
    if conflict is not None:
        raise ConfigError(f"{_where(tuple(conflict.key.split('.')), documents)}: {conflict.message}", conflict.remedy)
    return config


def _with_absolute_paths(document: Document) -> Document:
    """Make relative paths absolute, so that a run can be resumed from any directory.

    A model's source that looks like "owner/name" is a folder only if such a folder exists.
    """
    changes: Tree = {}
    for section, key in _PATH_SETTINGS:
        table = document.tree.get(section)
        source = table.get(key) if isinstance(table, dict) else None
        if not isinstance(source, str) or not source:
            continue
        path = document.folder / user_path(source)
        if not can_be_path(path):
            where = document.where((section, key))
            raise ConfigError(f"{where}: {section}.{key} = {_shown(source)} is no path", "name a file or a folder")
        if source.startswith(("asset:", "data:")):
            continue
        if section == "data" or key == "prompt_file" or source.startswith((".", "/", "~")) or path.is_dir():
            changes.setdefault(section, {})[key] = str(path.resolve())
    if not changes:
        return document
    tree = merged([document, Document(document.label, changes, NO_LINES, document.folder)])
    return Document(document.label, tree, document.lines, document.folder, document.is_override)


def _faults(error: ValidationError, documents: list[Document]) -> list[_Fault]:
    """List the faults with wrong settings first: a missing setting is often the result of a wrong one."""
    details = sorted(error.errors(), key=lambda detail: detail["type"] == "missing")
    return [_fault(detail, documents) for detail in details]


def _fault(detail: ErrorDetails, documents: list[Document]) -> _Fault:
    path: KeyPath = tuple(detail["loc"])
    key = ".".join(part for part in path if isinstance(part, str))
    where = _where(path, documents)
    if detail["type"] == "extra_forbidden":
        return _Fault(where, f"unknown setting '{key}'", _nearest(path))
    meaning = f"{key}: {_meaning(path)}"
    if detail["type"] == "missing":
        return _Fault(
            where,
            f"setting '{key}' is missing",
            f'add it, or begin the file with extends = "nano"; {meaning}',
        )
    what = f"{key} = {_shown(detail['input'])} should be {_expected(detail)}"
    return _Fault(_LOGIN.sub("//…@", where), _LOGIN.sub("//…@", what), meaning)


def _expected(detail: ErrorDetails) -> str:
    """Describe what pydantic expected, in the terms of TOML."""
    if detail["type"] == "model_type":
        return f"a table, [{detail['loc'][0]}]"
    if detail["loc"] == ("variant",):
        return "a number of GB as text, or empty"
    if detail["loc"][:2] == ("rollout", "endpoints"):
        return "an address without a password"
    if detail["loc"] == ("reward", "labels"):
        return "hidden, consensus or tester:WHO"
    if detail["type"] == "string_pattern_mismatch":
        return "letters, digits, '.', '_' and '-', beginning with a letter or digit"
    if detail["type"] == "tuple_type":
        return "an array"
    return detail["msg"].removeprefix("Input should be ").removeprefix("Value should ")


def _where(path: KeyPath, documents: list[Document]) -> str:
    """Return the place of the document that set `path` last; the last file if none did."""
    for document in reversed(documents):
        if document.holds(path):
            return document.where(path)
    files = [document for document in documents if not document.is_override]
    return files[-1].where(path)


def _nearest(path: KeyPath) -> str:
    """Suggest the valid setting nearest to an unknown one, or list those of its table."""
    parts = [str(part) for part in path]
    names = setting_names()
    same_key = [name for name in names if name.rpartition(".")[2] == parts[-1]]
    siblings = [name.partition(".")[2] for name in names if name.startswith(f"{parts[0]}.")]
    if len(parts) > 1 and siblings:
        near = suggestion(parts[1], siblings, prefix=f"{parts[0]}.")
    else:
        near = suggestion(parts[0], list(RunConfig.model_fields))
    if near:
        return near
    if same_key:
        return f"did you mean '{same_key[0]}'?"
    return (
        f"[{parts[0]}] has {', '.join(siblings)}" if siblings else "see `cure-tui presets show nano` for all settings"
    )


def _meaning(path: KeyPath) -> str:
    """Return the schema's description of a setting."""
    fields = RunConfig.model_fields
    field = fields.get(str(path[0])) if path else None
    section = field.annotation if field else None
    if len(path) > 1 and isinstance(section, type) and issubclass(section, Section):
        field = section.model_fields.get(str(path[1]))
    return (field.description or "a table of settings") if field else ""


def _shown(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
