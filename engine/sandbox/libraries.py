"""Installed libraries that programs may import, found beside the product by their metadata.

A library is a distribution, by the name under which pip installs it. A cell mounts its files and those of all that it
requires, read-only; the zygote imports it once, and programs inherit it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from engine.errors import ConfigError

KNOWN = (
    *("numpy", "scipy", "sortedcontainers", "networkx", "sympy", "mpmath"),
    *("more-itertools", "gmpy2", "bitarray", "ac-library-python"),
)
"""Libraries that programs of contests use; the sites themselves offer them."""

ALWAYS = ("numpy",)
"""Libraries offered to every program of every run, where they are installed."""

# Distributions install these by mistake; the names say nothing of whose they are.
_STRAY = {"test", "tests", "example", "examples", "benchmark", "benchmarks", "doc", "docs", "scripts"}
_NO_CODE = (".dist-info", ".egg-info", ".data", ".pth", ".txt", ".md", ".rst")


@dataclass(frozen=True, slots=True)
class Library:
    """Installed distribution. `modules`: what programs import of it; `paths`: files and folders that hold it.

    `requires` names the distributions it needs, `uses` also those it can do without.
    """

    name: str
    version: str
    modules: tuple[str, ...]
    paths: tuple[str, ...]
    requires: tuple[str, ...]
    uses: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@cache
def find_library(name: str) -> Library | None:
    """Find an installed distribution that holds modules; None without one (editable installs hold none)."""
    try:
        found = metadata.distribution(name)
    except (metadata.PackageNotFoundError, ValueError):
        return None
    tops = {top: os.path.realpath(str(found.locate_file(top))) for top in sorted(_tops(found, name))}
    tops = {top: path for top, path in tops.items() if os.path.exists(path)}
    public = [top for top in tops if top[0] != "_" and (top.isidentifier() or top.endswith((".py", ".so")))]
    if not public:
        return None
    modules = tuple(dict.fromkeys(top.partition(".")[0] for top in public))
    lines = [(_normal(re.split(r"[^A-Za-z0-9._-]", line)[0]), "extra ==" in line) for line in found.requires or ()]
    return Library(
        name=_normal(name),
        version=found.version,
        modules=modules,
        paths=tuple(tops.values()),
        requires=tuple(other for other, optional in lines if not optional),
        uses=tuple(other for other, _ in lines),
    )


def _tops(found: metadata.Distribution, name: str) -> set[str]:
    """List the files and folders that a distribution adds to its site folder."""
    if not found.files:  # as distributions of Linux packages
        return set((found.read_text("top_level.txt") or name.replace("-", "_")).split())
    files = [file for file in found.files if len(file.parts) > 1 or file.suffix in (".py", ".so")]
    tops = {file.parts[0] for file in files}
    return {top for top in tops if top not in {"..", "__pycache__", *_STRAY} and not top.endswith(_NO_CODE)}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def found_libraries(names: Sequence[str] = KNOWN) -> tuple[Library, ...]:
    """Return those of `names` that are installed."""
    return tuple(library for name in names if (library := find_library(name)) is not None)


def paths_of(names: Sequence[str]) -> tuple[str, ...]:
    """List the files and folders of the distributions `names` and of all that they require, installed or not."""
    pending, seen = list(names), dict[str, tuple[str, ...]]()
    while pending:
        name = _normal(pending.pop(0))
        library = None if name in seen else find_library(name)
        if library is not None:
            seen[name] = library.paths
            pending += library.requires
    return tuple(dict.fromkeys(path for paths in seen.values() for path in paths))


class Offer:
    """Libraries that an executor offers its programs: those of ALWAYS and the chosen ones."""

    def __init__(self, chosen: Sequence[str]) -> None:
        """Find the libraries. Raises ConfigError for a chosen one that is not installed."""
        for name in chosen:
            if find_library(name) is None:
                raise ConfigError(
                    f"programs are to import {name}, which is not installed",
                    f"pip install {name}, or take it out of sandbox.libraries",
                )
        self.libraries = {library.name: library for library in found_libraries((*ALWAYS, *chosen))}

    def named_in(self, program: bytes) -> tuple[str, ...]:
        """Return the libraries whose modules the text of a program names, and the offered ones that those use."""
        pending = [
            library for library in self.libraries.values() if any(name.encode() in program for name in library.modules)
        ]
        named = set[str]()
        while pending:
            library = pending.pop()
            named.add(library.name)
            pending += [self.libraries[other] for other in library.uses if other in self.libraries.keys() - named]
        return tuple(sorted(named))
