"""Graph of a package's imports, read from its source: files, the rooms that they lie in, and circles among either.

Imports within functions and under TYPE_CHECKING count. The implicit imports of a and a.b by a.b.c do not: a package
may re-export what its own files define. A room is a folder or a module, whatever its depth: only
rooms of one folder are compared.
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
    """Return the imports between folders and modules of one folder, at every depth.

    An import counts for the two rooms at which the paths of importer and imported part: house.a.b.one -> house.a.c.two
    is one of house.a.c by house.a.b. A folder's own `__init__` is no room of it.
    """
    rooms: Graph = {}
    for name, targets in graph.items():
        for target, place in targets.items():
            pairs = itertools.pairwise(zip(*(_path(each) for each in (name, target)), strict=False))
            for (above, other), (room, imported) in pairs:
                if above == other and room != imported:
                    rooms.setdefault(room, {}).setdefault(imported, place)
                    rooms.setdefault(imported, {})
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


def _path(name: str) -> list[str]:
    """Return the folders that a module lies in, the root first, and the module: ["", house, house.a, house.a.low]."""
    return ["", *itertools.accumulate(name.split("."), "{}.{}".format)]
