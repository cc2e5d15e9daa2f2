"""Line numbers of the keys of a TOML document, which tomllib does not report.

tomllib must have accepted the document: this scanner only finds keys and skips values, without checking them. It
handles tables, arrays of tables, dotted and quoted keys, inline tables, arrays and all kinds of strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TypeAlias

KeyPath: TypeAlias = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BASIC_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_LITERAL_STRING = re.compile(r"'[^'\n]*'")
# A closing delimiter may follow one or two quotes that belong to the text.
_LONG_BASIC_STRING = re.compile(r'"""(?:[^\\]|\\.)*?"""(?:"{0,2})', re.DOTALL)
_LONG_LITERAL_STRING = re.compile(r"'''.*?'''(?:'{0,2})", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]+")


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every table header, key and array element of `text`, by its path."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class KeyLines(Mapping[KeyPath, int]):
    """Lines of `text` as `key_lines` gives them, found when one is asked for: most documents have no error to place.

    below: a table; only what is in it, by the paths in it.
    """

    def __init__(self, text: str, below: KeyPath = ()) -> None:
        self._text, self._below = text, below

    @cached_property
    def _lines(self) -> dict[KeyPath, int]:
        depth = len(self._below)
        return {path[depth:]: line for path, line in key_lines(self._text).items() if path[:depth] == self._below}

    def below(self, table: KeyPath) -> KeyLines:
        """Return the lines of a table."""
        return KeyLines(self._text, (*self._below, *table))

    def __getitem__(self, path: KeyPath) -> int:
        return self._lines[path]

    def __iter__(self) -> Iterator[KeyPath]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)


NO_LINES = KeyLines("")


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of `path`, or of the nearest table around it; None if the file has neither."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._array_sizes: dict[KeyPath, int] = {}

    def document(self) -> None:
        table: KeyPath = ()
        while True:
            self._skip(_BLANK)
            if self.at >= len(self.text):
                return
            if self.text.startswith("[", self.at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        line = self._line()
        is_array = self.text.startswith("[[", self.at)
        self.at += 2 if is_array else 1
        path = self._inside_arrays(self._key())
        self.at += 2 if is_array else 1
        if is_array:
            index = self._array_sizes.get(path, 0)
            self._array_sizes[path] = index + 1
            self._note(path, line)
            path = (*path, index)
        self._note(path, line)
        return path

    def _inside_arrays(self, key: tuple[str, ...]) -> KeyPath:
        """Insert indices of arrays of tables: [fruits.size] after [[fruits]] means the last fruit."""
        path: KeyPath = ()
        for position, part in enumerate(key):
            path = (*path, part)
            if position < len(key) - 1 and path in self._array_sizes:
                path = (*path, self._array_sizes[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, line)
        self.at += 1  # "="
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> tuple[str, ...]:
        """Read a key, dotted or not, with the blanks around it."""
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            if self.text[self.at] == '"':
                parts.append(_unquoted(self._take(_BASIC_STRING)))
            elif self.text[self.at] == "'":
                parts.append(self._take(_LITERAL_STRING)[1:-1])
            else:
                parts.append(self._take(_BARE_KEY))
            self._skip(_SPACE)
            if not self.text.startswith(".", self.at):
                return tuple(parts)
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        first = self.text[self.at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first == '"':
            self._take(_LONG_BASIC_STRING if self.text.startswith('"""', self.at) else _BASIC_STRING)
        elif first == "'":
            self._take(_LONG_LITERAL_STRING if self.text.startswith("'''", self.at) else _LITERAL_STRING)
        else:
            self._take(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        index = 0
        while not self._closes("]"):
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        while not self._closes("}"):
            self._pair(path)

    def _closes(self, bracket: str) -> bool:
        """Skip blanks and a comma, then `bracket` if it follows; return whether it did."""
        self._skip(_BLANK)
        if self.text.startswith(",", self.at):
            self.at += 1
            self._skip(_BLANK)
        closed = self.text.startswith(bracket, self.at)
        self.at += closed
        return closed

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise ValueError(f"line {self._line()}: not the TOML that tomllib accepted")
        self.at = found.end()
        return found.group()

    def _skip(self, pattern: re.Pattern[str]) -> None:
        self._take(pattern)

    def _line(self) -> int:
        return self.text.count("\n", 0, self.at) + 1

    def _note(self, path: KeyPath, line: int) -> None:
        self.lines.setdefault(path, line)


def _unquoted(quoted: str) -> str:
    """Return the text of a basic string; tomllib decodes the escapes."""
    import tomllib

    text: str = tomllib.loads(f"key = {quoted}")["key"]
    return text
