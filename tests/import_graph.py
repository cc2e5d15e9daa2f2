"""Graph of a package's imports, read from its source: files, the rooms that they lie in, and circles among either.

Imports within functions and under TYPE_CHECKING count. The implicit imports of a and a.b by a.b.c do not: a package
may re-export what its own files define. A room is the first folder or module below its package.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

Graph = dict[str, dict[str, str]]
"""Importer to imported to the place of the first import."""


def import_graph(root: Path, *packages: str) -> Graph:
    """Read all files of the packages below `root`."""
    files = {_name(path.relative_to(root)): path for package in packages for path in (root / package).rglob("*.py")}
    graph: Graph = {name: {} for name in files}
    for name, path in files.items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for target in _imported(node, package, files):
                    graph[name].setdefault(target, f"{path.relative_to(root)}:{node.lineno}")
    return graph


def room_graph(graph: Graph) -> Graph:
    rooms: Graph = {}
    for name, targets in graph.items():
        room = rooms.setdefault(_room(name), {})
        for target, place in targets.items():
            if _room(target) != _room(name):
                room.setdefault(_room(target), place)
    return rooms


def circles(graph: Graph) -> list[str]:
    """Describe circles until none is left, no import in two of them: `a -> b (a.py:3), b -> a (b.py:1)`."""
    left = {name: set(targets) for name, targets in graph.items()}
    found = []
    while True:
        try:
            TopologicalSorter(left).prepare()
            return found
        except CycleError as error:
            nodes = error.args[1][::-1]
            steps = list(itertools.pairwise(nodes))
            found.append(", ".join(f"{name} -> {target} ({graph[name][target]})" for name, target in steps))
            for name, target in steps:
                left[name].discard(target)


def entries(package: Path) -> list[str]:
    """List the files and folders at the top of a package, its `__init__.py` too."""
    return sorted(path.name for path in package.iterdir() if path.suffix == ".py" or any(path.rglob("*.py")))


def _imported(node: ast.Import | ast.ImportFrom, package: str, files: dict[str, Path]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name in files)
        return
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    base = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        name = f"{base}.{alias.name}"
        if name in files or base in files:
            yield name if name in files else base


def _name(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _room(name: str) -> str:
    return ".".join(name.split(".")[:2])
