"""Fixtures of the command line's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cure_tui.command_line import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli.below(tmp_path)


@pytest.fixture
def runnable(tmp_path: Path) -> Callable[..., Path]:
    """Write a preset whose files exist, so that it runs here."""

    def write(act: str = "finish", name: str = "small") -> Path:
        model = tmp_path / "model"
        model.mkdir(exist_ok=True)
        for file in ("config.json", "tokenizer.json", "model.safetensors"):
            (model / file).touch()
        for split in ("train", "validation", "heldout"):
            (tmp_path / f"{split}.jsonl").write_text("{}\n")  # the scripted engine reads no task
        path = tmp_path / f"{name}.toml"
        path.write_text(
            f'extends = "nano"\ndescription = "{act}"\n'
            '[model]\nsource = "./model"\n'
            '[data]\ntrain = "train.jsonl"\nvalidation = "validation.jsonl"\nheldout = "heldout.jsonl"\n'
            "[run]\nsteps = 2\n"
        )
        return path

    return write
