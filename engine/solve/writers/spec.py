"""Specs of writers: parses the values of `--coder` and `--tester`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Literal

from engine.errors import ConfigError
from engine.presets import list_presets, split_variant
from engine.runs.lineage import split_step
from engine.servers.addresses import Address, without_login

Kind = Literal["preset", "run", "model", "openai"]
_BEFORE_URL = re.compile(r"@(?=https?://)")
"""Separator of model and URL; a model name may contain an @ too, as qwen3-4b@q4_k_m in LM Studio."""


@dataclass(frozen=True, slots=True)
class WriterSpec:
    """Kind and name of a writer. Its text leaves out a password in the address.

    preset: a preset's base model. run: a run's model with an adapter of it: of the step `step`, else the best. model: a
    folder or hub name. openai: `name` is the model, `url` the address ("" for OpenAI's own).
    """

    kind: Kind
    name: str
    url: str = ""
    step: str = ""

    def __str__(self) -> str:
        behind = without_login(self.url) or self.step
        return f"{self.kind}:{self.name}" + (f"@{behind}" if behind else "")


def parse_spec(text: str) -> WriterSpec:
    """Parse `nano`, `preset:qwen3-4b`, `run:my-run`, `run:my-run@12`, `run:my-run@last`, `model:Qwen/Qwen3-4B`,
    `./folder`, `openai:MODEL@http://...`.

    The name of a preset or a TOML file is a preset; any other text with a slash, or the name of a folder, is a model.
    Raises ConfigError.
    """
    kind, colon, rest = text.partition(":")
    if "://" in text and kind != "openai":
        raise ConfigError(f"'{_without_login(text)}' names a server and no model", "write openai:MODEL@URL")
    if kind == "openai" and colon:
        if rest.startswith(("http://", "https://")):
            raise ConfigError(f"'openai:{without_login(rest)}' names no model", "write openai:MODEL@URL")
        model, _, url = rest.partition("@")
        if found := _BEFORE_URL.search(rest):
            model, url = rest[: found.start()], rest[found.end() :]
        if not model:
            raise ConfigError(f"'openai:@{without_login(url)}' names no model", "write openai:MODEL@URL")
        if not url and rest.endswith("@"):
            raise ConfigError(f"'{text}' names no address", "write openai:MODEL@URL; openai:MODEL is one of OpenAI")
        if url:
            Address.parse(url)
        return WriterSpec("openai", model, url)
    if kind in ("preset", "run", "model") and colon:
        if not rest:
            raise ConfigError(f"'{text}' names nothing", f"write {kind}:NAME")
        if kind == "run":
            name, step = split_step(rest)
            return WriterSpec("run", name, step=step)
        return WriterSpec(kind, rest)  # type: ignore[arg-type]  # one of the three, looked up a line above
    if not text or (colon and "/" not in text):
        raise ConfigError(
            f"'{_without_login(text)}' names no writer", "use a preset, run:NAME, model:FOLDER or openai:MODEL@URL"
        )
    if text.endswith(".toml"):
        return WriterSpec("preset", text)
    # A preset's name means the preset in every folder, whatever its author has put into it.
    if "/" in text or (split_variant(text)[0] not in list_presets() and os.path.isdir(text)):
        return WriterSpec("model", text)
    return WriterSpec("preset", text)


def _without_login(text: str) -> str:
    """Return a mistyped spec without a password that it may hold, in front of its last @."""
    kind, colon, rest = text.partition(":")
    return f"{kind}{colon}...@{rest.rpartition('@')[2]}" if "@" in rest else text
