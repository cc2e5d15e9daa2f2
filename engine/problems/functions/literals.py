"""Reader of calls as judges write them in examples: `nums = [2,7], target = 9`, `"ab"` and `3` on lines, `f([1], 2)`.

It takes the literals of Python, JSON, JavaScript, Java and C++: true, True, null, None, "text", 'c', [..], (..), {..};
and linked lists as they are drawn, `1->2->3->NULL`, which become lists. It evaluates nothing: what is no literal is
refused with the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.problems.functions.value_types import MAX_DEPTH, Braced, Refusal, Spelled, Word

_TYPE = r"(?:(?:const|let|var|final|auto|static)[ \t]+)?(?:[A-Za-z_][\w.:]*(?:<[\w<>, ]{0,60}>)?(?:\[\])*[ \t&*]+)?"
_NAME = re.compile(rf"{_TYPE}(?P<name>[^\W\d]\w*)[ \t]*(?:\[\w*\][ \t]*)*(?P<sign>=(?![=>])|:(?!:))\s*")
_CALL = re.compile(
    r"\s*(?:>>>\s*)?(?:[A-Za-z_][\w.]*(?:\(\))?\.)?(?P<name>[A-Za-z_]\w*)\s*\((?P<inside>.*)\)\s*;?", re.S
)
_INPUT_LABEL = re.compile(r"\s*(?:input|output)\s*[::]\s*", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.])")
_WORD = re.compile(r"\w+")
_ARROW = re.compile(r"\s*(?:-+>|→|⟶)\s*")
_END_OF_LIST = re.compile(r"(?:null|nullptr|none|nil)\b", re.IGNORECASE)
_SURE_CHAIN = 3
"""Nodes of a drawn list: with fewer it may be an edge of a graph, unless its end is drawn, too."""
_CONSTANTS = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "None": None, "NULL": None, "nil": None,
}  # fmt: skip
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "0": "\0", "/": "/", "\\": "\\", '"': '"', "'": "'"}
_HEX = re.compile(r"u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}")


@dataclass(frozen=True, slots=True)
class Call:
    """Arguments of one example. names: None where the values stand alone. function: "" unless the example names it.

    constants: the spellings of true, false and null that it uses. is_plain: neither a name nor a list nor a quote shows
    that this is a call; `3` and `(0, 1)` could as well be standard input.
    """

    names: tuple[str, ...] | None
    values: tuple[object, ...]
    function: str = ""
    constants: frozenset[str] = frozenset()
    is_plain: bool = False


def read_call(text: str) -> Call:
    """Read the arguments of a call: named or not, separated by commas or lines. Raises Refusal with the reason."""
    text = _without_label(text).strip()
    call = _CALL.fullmatch(text)
    function = call["name"] if call and call["name"] not in _CONSTANTS else ""
    reader = _Reader(call["inside"] if call and function else text)
    names: list[str] = []
    values: list[object] = []
    while not reader.at_end():
        name = reader.name()
        is_other = (name is None) != (not names) and bool(values)
        if is_other and not (reader.draws_a_list and name is not None):  # `1->2->3, k = 2`: by their places
            raise Refusal("only some of its arguments have names")
        names += [] if name is None else [name]
        values.append(reader.value())
        reader.separator()
    if not values and not function:
        raise Refusal("it is empty")
    if len(set(names)) < len(names):
        raise Refusal("an argument is given twice")
    is_plain = (
        not function
        and not (names and "=" in text)
        and not any(sign in text for sign in "[\"'“‘")
        and not reader.draws_a_list
    )
    if len(names) < len(values):
        names = []
    return Call(tuple(names) or None, tuple(values), function, frozenset(reader.constants), is_plain)


def read_value(text: str) -> tuple[object, frozenset[str]]:
    """Read one literal, and the spellings of true, false and null in it. Raises Refusal with the reason."""
    reader = _Reader(_without_label(text))
    if reader.at_end():
        raise Refusal("it is empty")
    value = reader.value()
    if not reader.at_end():
        raise Refusal(f"'{reader.rest()}' stands after its value")
    return value, frozenset(reader.constants)


def _without_label(text: str) -> str:
    found = _INPUT_LABEL.match(text)
    return text[found.end() :] if found else text


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text.replace("−", "-").replace("\xa0", " ")
        self._at = 0
        self.constants: set[str] = set()
        self.draws_a_list = False

    def at_end(self) -> bool:
        self._blanks()
        return self._at >= len(self._text)

    def rest(self) -> str:
        return " ".join(self._text[self._at : self._at + 40].split())

    def name(self) -> str | None:
        found = _NAME.match(self._text, self._at)
        if found is None or found["name"] in _CONSTANTS:
            return None
        self._at = found.end()
        return found["name"]

    def separator(self) -> None:
        """Pass what ends an argument: a comma, a semicolon, a line's end, the next name or the end."""
        before = self._at
        if self.at_end() or "\n" in self._text[before : self._at] or _NAME.match(self._text, self._at):
            return
        if self._text[self._at] not in ",;":
            raise Refusal(f"'{self.rest()}' is no argument")
        self._at += 1

    def value(self, depth: int = 0) -> object:
        """Read the literal here, or the linked list that begins with it."""
        first = self._literal(depth)
        if not _ARROW.match(self._text, self._at) or isinstance(first, list | tuple | dict):
            return first
        nodes, ended = [first], False
        while not ended and (arrow := _ARROW.match(self._text, self._at)):
            self._at = arrow.end()
            end = _END_OF_LIST.match(self._text, self._at)
            if end:
                self._at, ended = end.end(), True
            else:
                nodes.append(self._literal(depth))
        self.draws_a_list |= ended or len(nodes) >= _SURE_CHAIN
        return nodes

    def _literal(self, depth: int) -> object:
        if depth > MAX_DEPTH:
            raise Refusal("a value is nested too deeply")
        if self.at_end():
            raise Refusal("a value is missing")
        here = self._text[self._at]
        if here in _QUOTES:
            return self._string(_QUOTES[here])
        if here in "[({":
            self._at += 1
            return self._braces(depth) if here == "{" else self._sequence(here, depth)
        number = _NUMBER.match(self._text, self._at)
        word = number or _WORD.match(self._text, self._at)
        if word is None:
            raise Refusal(f"'{self.rest()}' is no value")
        self._at = word.end()
        if word[0] in _CONSTANTS:
            self.constants.add(word[0])
            return _CONSTANTS[word[0]]
        return Word(word[0]) if number is None else _number(word[0])

    def _sequence(self, opening: str, depth: int) -> object:
        closing = "]" if opening == "[" else ")"
        elements, commas = self._elements(closing, depth)
        if opening == "[":
            if any(isinstance(element, Braced) and not element for element in elements):
                raise Refusal("'{}' in a list may be an array or an object")
            return elements
        return elements[0] if len(elements) == 1 and not commas else tuple(elements)

    def _elements(self, closing: str, depth: int) -> tuple[list[object], int]:
        elements: list[object] = []
        commas = 0
        while not self._closes(closing):
            if len(elements) > commas:
                raise Refusal(f"'{self.rest()}' stands where a comma is due")
            elements.append(self.value(depth + 1))
            commas += self._takes(",")
        return elements, commas

    def _braces(self, depth: int) -> object:
        """Read an array of C++ or Java, or an object of JSON, JavaScript or Python."""
        elements = Braced()
        pairs: dict[object, object] = {}
        commas = 0
        while not self._closes("}"):
            if len(elements) + len(pairs) > commas:
                raise Refusal(f"'{self.rest()}' stands where a comma is due")
            key = self.value(depth + 1)
            if self._takes(":"):
                key = str(key) if isinstance(key, Word) else key
                try:
                    is_new = key not in pairs
                except TypeError:  # a list, or a tuple that holds one
                    is_new = False
                if not is_new:
                    raise Refusal("a key of a dictionary is a list or given twice")
                pairs[key] = self.value(depth + 1)
            else:
                elements.append(key)
            commas += self._takes(",")
        if pairs and elements:
            raise Refusal("braces hold both values and pairs")
        return pairs or elements

    def _closes(self, closing: str) -> bool:
        if self.at_end():
            raise Refusal(f"a '{closing}' is missing")
        return self._takes(closing)

    def _takes(self, sign: str) -> bool:
        if self.at_end() or self._text[self._at] != sign:
            return False
        self._at += 1
        return True

    def _string(self, closing: str) -> str:
        self._at += 1
        parts: list[str] = []
        while self._at < len(self._text):
            here = self._text[self._at]
            self._at += 1
            if here == closing:
                return "".join(parts).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
            if here == "\n":
                break
            parts.append(self._escaped() if here == "\\" else here)
        raise Refusal("a quote is not closed on its line")

    def _escaped(self) -> str:
        code = _HEX.match(self._text, self._at)
        if code:
            self._at = code.end()
            return chr(int(code[0][1:], 16))
        letter = self._text[self._at : self._at + 1]
        if letter not in _ESCAPES:
            raise Refusal(f"'\\{letter}' in a string has no certain meaning")
        self._at += 1
        return _ESCAPES[letter]

    def _blanks(self) -> None:
        while self._at < len(self._text) and self._text[self._at].isspace():
            self._at += 1


def _number(text: str) -> object:
    digits = text.lstrip("+-")
    if digits.isdigit():
        if len(digits) > 1 and digits[0] == "0":
            return Word(text)  # a string of digits, or binary: as an int it would lose its zeros
        if len(digits) > 4000:
            raise Refusal("a number has too many digits")
        return int(text)
    return Spelled(text)


def operations_of(text: str) -> tuple[str, ...] | None:
    """Return the operations of an example of a class, `["Stack", "push"]` and `[[], [1]]`; None for another example."""
    try:
        values = read_call(text).values
    except Refusal:
        return None
    if len(values) != 2:
        return None
    names, arguments = values
    if not (isinstance(names, list) and isinstance(arguments, list) and names and len(names) == len(arguments)):
        return None
    if not all(isinstance(name, str) and name.isidentifier() for name in names):
        return None
    is_class = names[0][0].isupper() and all(isinstance(each, list) for each in arguments)
    return tuple(names) if is_class else None
