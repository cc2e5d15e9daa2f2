"""Conversion of function arguments to lines of standard input: `nums = [2, 7], target = 9` -> "2 7" and "9"."""

from __future__ import annotations

import ast

_JSON_NAMES = {"true": True, "false": False, "null": None}


def arguments_as_lines(text: str) -> str | None:
    """Return the values of `name = literal, ...`, one per line; None where `text` has another form."""
    try:
        call = ast.parse(f"f({' '.join(text.split())})", mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if not isinstance(call, ast.Call) or call.args or not call.keywords:
        return None
    try:
        return "".join(_line(_literal(keyword.value)) for keyword in call.keywords)
    except ValueError:
        return None


def value_as_line(text: str) -> str:
    """Return a literal in the same form; text that is not a literal is returned unchanged."""
    try:
        return _line(_literal(ast.parse(text.strip(), mode="eval").body))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text


def _literal(node: ast.expr) -> object:
    """Evaluate a literal of Python or JSON. Raises ValueError for any other expression."""
    if isinstance(node, ast.Name) and node.id in _JSON_NAMES:
        return _JSON_NAMES[node.id]
    if isinstance(node, ast.List | ast.Tuple):
        return [_literal(element) for element in node.elts]
    return ast.literal_eval(node)


def _line(value: object) -> str:
    if isinstance(value, list):
        if any(isinstance(element, list) for element in value):  # a table: its height, then one row per line
            return f"{len(value)}\n" + "".join(_line(element) for element in value)
        return " ".join(_word(element) for element in value) + "\n"
    return _word(value) + "\n"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
