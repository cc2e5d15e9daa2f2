"""Promises of the written pages: paths, tests and options that they name exist, and the README stays short."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from cure_tui.cli import app

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "assets/nano/README.md",
    "cure_tui/runs/tracking/README.md",
    "cure_tui/web/README.md",
    "engine/evaluate/README.md",
    "engine/policy/tinker/README.md",
    "engine/rewarding/README.md",
    "engine/sampling/README.md",
    "engine/sandbox/README.md",
    "engine/solve/README.md",
    "engine/train/labels/README.md",
    "tests/benchmarks/RESULTS.md",
    "tests/gpu/RESULTS.md",
)


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    named = re.findall(r"(?<![\w./])(?:assets|cure_tui|engine|presets|tests)/[\w./*-]+", text)
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    lost = [path for path in named if not list(ROOT.glob(path.rstrip(".")))]
    lost += [path for path in linked if not (ROOT / page).parent.joinpath(path).exists()]
    assert not lost


@pytest.mark.parametrize("page", PAGES)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    tests = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", (ROOT / page).read_text())
    assert [name for name in named if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_a_page_shows_is_one_of_its_command(page: str) -> None:
    for line in re.findall(r"cure-tui [^`|#>\n]*", (ROOT / page).read_text()):
        command = get_command(app)
        for word in line.split():
            command = getattr(command, "commands", {}).get(word, command)
            if word.startswith("--") and word != "--help":
                assert any(word.partition("=")[0] in known.opts for known in command.params), line


def test_the_readme_has_at_most_1300_words() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 1300
