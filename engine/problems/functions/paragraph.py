"""Words for an encoding: what each line of the input is and what to print, so that no model has to guess it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.problems.functions.encoding import Constants, Style, has_pairs, height_of
from engine.problems.functions.signature import Parameter
from engine.problems.functions.value_types import ELLIPSIS, Type
from engine.problems.problem import IOExample

_LONGEST_EXAMPLE = 2_000
"""Characters of an example that is worth its place in a prompt."""

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_ONE = {"int": "an integer", "float": "a decimal number", "str": "text without quotes, the whole line"}
_MANY = {"int": "integers", "float": "decimal numbers", "str": "words without quotes"}
_IN_A_ROW = {"int": "an integer", "float": "a decimal number", "str": "a word without quotes"}


def form_of(
    name: str, parameters: Sequence[Parameter], returns: Type, style: Style, constants: Constants, changed: str = ""
) -> tuple[str, ...]:
    """Return sentences, one a line: where the arguments come from, each line of the input, the output.

    changed: the parameter whose value after the call is the result, where the function returns nothing.
    """
    words = _Words(style, constants)
    what = f"the function {name}" if name else "a function"
    opening = (
        f"Write a whole program in place of {what}: it reads the arguments from standard input and prints the result."
    )
    if style == "json":
        opening += " Each argument is one JSON value on a line of its own"
        opening += "." if returns.kind == "text" else "; the result is printed as one JSON value."
    output = "Output: " + (f"{changed} after the call, " if changed else "") + words.value(returns)
    if has_pairs(returns) or (style == "cure" and returns.kind == "dict"):
        output += "; keys ascending"
    if not parameters:
        return opening, "Input: nothing.", f"{output}."
    return opening, "Input:", *words.inputs(parameters), f"{output}."


def paragraph_of(form: Sequence[str], examples: Sequence[IOExample]) -> str:
    """Return the form as a section of a statement, with the first short example in it; "" without a form."""
    if not form:
        return ""
    text = "## Input and output of the program\n\n" + "\n".join(form)
    shown = next((each for each in examples if len(each.input) + len(each.output) <= _LONGEST_EXAMPLE), None)
    if shown is None:
        return text
    worked = f"Input:\n\n{_fence(shown.input)}\n\nOutput:\n\n{_fence(shown.output)}"
    return f"{text}\n\nAn example of the statement in this form. {worked}"


def _fence(text: str) -> str:
    mark = "~~~" if "```" in text else "```"
    return f"{mark}\n{text}{mark}"


def _may_be_empty(kind: Type) -> bool:
    return kind.kind in ("list", "set") or ELLIPSIS in kind.of


class _Words:
    def __init__(self, style: Style, constants: Constants) -> None:
        self._style = style
        self._bool = "true or false" if style == "json" else f"{constants[1]} or {constants[0]}"
        self._none = "null" if style == "json" else constants[2]

    def inputs(self, parameters: Sequence[Parameter]) -> list[str]:
        """Return a line for each parameter. Lines after a table are counted from the end."""
        lines: list[str] = []
        table = next((place for place, each in enumerate(parameters) if self._height(each.type) is None), None)
        for place, each in enumerate(parameters):
            if table is None or place < table:
                where = f"line {place + 1}"
            elif place == table:
                after = len(parameters) - place - 1
                left = "" if not after else " but the last" if after == 1 else f" but the last {after}"
                where = f"line {place + 1} and all after it{left}"
            else:
                back = len(parameters) - place
                where = "the last line" if back == 1 else f"line {back} from the end"
            name = each.name or (f"the {_ORDINALS[place]} argument" if place < 8 else f"argument {place + 1}")
            empty = (
                ", an empty line if there are none"
                if self._style == "cure" and self._height(each.type) == 1 and _may_be_empty(each.type)
                else ""
            )
            lines.append(f"- {where}: {name}, {self.value(each.type)}{empty}")
        return lines

    def _height(self, kind: Type) -> int | None:
        return 1 if self._style == "json" else height_of(kind)

    def value(self, kind: Type) -> str:
        """Describe a value that has its line or lines for itself."""
        match kind.kind:
            case "none":
                return f"the word {self._none}"
            case "text":
                return "as in the examples"
        return self._in_json(kind) if self._style == "json" else self._in_lines(kind)

    def _in_lines(self, kind: Type) -> str:
        if kind.is_scalar:
            return _ONE.get(kind.kind, self._bool)
        if height_of(kind) == 1:
            return self._flat(kind)
        if kind.kind == "dict":
            key, item = (_IN_A_ROW.get(part.kind, self._bool) for part in kind.of)
            return f"a dictionary: one key a line, {key}, then a blank and its value, {item}"
        order = ", ascending, each once" if kind.kind == "set" else ""
        return f"a table{order}: one row a line, each row {self._flat(kind.of[0])}"

    def _flat(self, kind: Type) -> str:
        if kind.kind == "tuple" and ELLIPSIS not in kind.of:
            parts = [_IN_A_ROW.get(part.kind, self._bool) for part in kind.of]
            return f"{' and '.join(parts)}, separated by {'a blank' if len(parts) == 2 else 'blanks'}"
        order = ", ascending and each once" if kind.kind == "set" else ""
        element = kind.of[0].kind
        many = "values" if element == "unknown" else _MANY.get(element, f"values {self._bool}")
        return f"{many} separated by blanks{order}"

    def _in_json(self, kind: Type, *, inside: bool = False) -> str:
        """Describe a JSON value; `inside` an array in the plural."""
        match kind.kind:
            case "int" | "float" | "number":
                one, many = ("an integer", "integers") if kind.kind == "int" else ("a number", "numbers")
            case "optional":
                one, many = (f"{self._in_json(kind.of[0], inside=plural)} or null" for plural in (False, True))
            case "str":
                one, many = "a string in double quotes", "strings in double quotes"
            case "bool":
                one, many = self._bool, f"values {self._bool}"
            case "tree":
                one = "a binary tree as the array of its values level by level, null for a child that is missing"
                many = "binary trees, each as the array of its values level by level, null for a child that is missing"
            case "list" | "set" | "tuple":
                order = ", ascending and each once" if kind.kind == "set" else ""
                parts = self._in_array(kind)
                one, many = f"an array of {parts}{order}", f"arrays of {parts}{order}"
            case "dict" if kind.of[0].kind == "str":
                items = self._in_json(kind.of[1], inside=True)
                one, many = f"an object whose values are {items}", f"objects whose values are {items}"
            case "dict":
                pair = f"pairs [key, value], keys {self._in_json(kind.of[0], inside=True)}"
                one, many = f"an array of {pair}", f"arrays of {pair}"
            case _:
                one, many = "any JSON value", "JSON values"
        return many if inside else one

    def _in_array(self, kind: Type) -> str:
        if kind.kind == "tuple" and ELLIPSIS not in kind.of:
            if len(set(kind.of)) > 1:
                return " and ".join(self._in_json(part) for part in kind.of)
            return f"{len(kind.of)} {self._in_json(kind.of[0], inside=True)}"
        return self._in_json(kind.of[0], inside=True)
