"""Optional dependencies of the project, and how to install them: the project itself is on no package index."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "cure-tui"
_CLONE = Path(__file__).resolve().parents[2]


def install_extra(extra: str) -> str:
    """Return what to do for the dependencies of `extra`: in a clone by its name, from a wheel by theirs."""
    if (_CLONE / "pyproject.toml").is_file():
        return f"pip install -e '.[{extra}]' in {_CLONE}"
    return "pip install " + " ".join(f"'{requirement}'" for requirement in requirements_of(extra))


def requirements_of(extra: str) -> list[str]:
    """Return the requirements that `extra` adds, as pip reads them; empty without the project's metadata."""
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    marked = re.compile(rf"\bextra\s*==\s*['\"]{re.escape(extra)}['\"]")
    return [text.partition(";")[0].strip() for text in required if marked.search(text.partition(";")[2])]
