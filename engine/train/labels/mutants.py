"""Mutants of a program: one small change each, of the kind that a tired programmer makes.

They stand in for wrong programs where every sampled one passes the presumed right tests.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from itertools import chain, zip_longest

MOST_MUTANTS = 8
"""Mutants that judge the tests of one task."""
CANDIDATES = 4 * MOST_MUTANTS
"""Mutants tried: many print the same as the program on every input."""
_MOST_NODES = 2000

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mod, ast.Mod: ast.FloorDiv,
    ast.Div: ast.Mult, ast.Pow: ast.Mult,
}  # fmt: skip
_NAMES = {"min": "max", "max": "min"}
_Edit = Callable[[], None]


def mutants(source: str, most: int = CANDIDATES) -> list[str]:
    """Return up to `most` distinct mutants that compile, in a fixed order that takes from every kind; [] for no Python.

    Kinds: a comparison or an arithmetic operator exchanged, a constant moved by one, min for max, a statement left out.
    """
    try:
        tree = ast.parse(source)
        if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
            return []
        unchanged = ast.unparse(tree)
        kinds = [list(_mutants_by(tree, edits)) for edits in (_comparisons, _operators, _constants, _names, _drops)]
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return []
    in_turn = chain.from_iterable(zip_longest(*kinds))
    return [text for text in dict.fromkeys(in_turn) if text is not None and text != unchanged][:most]


def _mutants_by(tree: ast.Module, edits: Callable[[ast.AST], list[_Edit]]) -> Iterator[str]:
    """Yield the source after each edit of one kind, in the order of the nodes."""
    places = [(place, len(edits(node))) for place, node in enumerate(ast.walk(tree))]
    for place, count in places:
        for number in range(count):
            mutant = copy.deepcopy(tree)
            edits(list(ast.walk(mutant))[place])[number]()
            text = ast.unparse(ast.fix_missing_locations(mutant))
            try:
                compile(text, "<mutant>", "exec", dont_inherit=True)
            except (SyntaxError, ValueError):
                continue
            yield text


def _comparisons(node: ast.AST) -> list[_Edit]:
    if not isinstance(node, ast.Compare):
        return []

    def edit(at: int, other: type[ast.cmpop]) -> _Edit:
        return lambda: node.ops.__setitem__(at, other())

    return [edit(at, _COMPARISONS[type(op)]) for at, op in enumerate(node.ops) if type(op) in _COMPARISONS]


def _operators(node: ast.AST) -> list[_Edit]:
    if not isinstance(node, ast.BinOp | ast.AugAssign) or type(node.op) not in _OPERATORS:
        return []
    other = _OPERATORS[type(node.op)]
    return [lambda: setattr(node, "op", other())]


def _constants(node: ast.AST) -> list[_Edit]:
    if not isinstance(node, ast.Constant) or type(node.value) is not int:
        return []
    value = node.value
    return [lambda: setattr(node, "value", value + 1), lambda: setattr(node, "value", value - 1)]


def _names(node: ast.AST) -> list[_Edit]:
    if not isinstance(node, ast.Name) or node.id not in _NAMES:
        return []
    other = _NAMES[node.id]
    return [lambda: setattr(node, "id", other)]


def _drops(node: ast.AST) -> list[_Edit]:
    """Leave out a statement: `pass` takes its place."""
    body = getattr(node, "body", None)
    if not isinstance(body, list):
        return []

    def edit(at: int) -> _Edit:
        return lambda: body.__setitem__(at, ast.Pass())

    return [edit(at) for at, statement in enumerate(body) if not isinstance(statement, ast.Import | ast.ImportFrom)]
