"""Reader of JSON text piece by piece: memory follows the longest string and what is kept, not the size of a file.

`json.loads` of a whole file holds its bytes, its text and its objects at once, and small objects take 7 to 20 times
their text. Here a record that the buffer holds is decoded at once; of a longer one every field by itself, and a list by
runs of items.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Container
from contextlib import suppress
from typing import NoReturn

from engine.problems.json_buffer import JsonBuffer, Undecodable

CHUNK_BYTES = 1 << 18
LONGEST_VALUE = 10_000_000
"""Characters of one value that is neither a string nor the list of a field: as empty lists they take 200 MB."""

_COMMA = re.compile(r"[ \t\n\r]*+,[ \t\n\r]*+")
_DECODE = json.JSONDecoder().raw_decode
_RUN = 1 << 16


class BrokenJson(Exception):
    """Text that is no JSON, or holds too long a value. line, column: the place, from 1; column is 0 if unknown."""

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(reason)
        self.reason, self.line, self.column = reason, line, column


class NoText(Exception):
    """Item of a list of strings that is none; the reader stops there."""

    def __init__(self, field: str, index: int, item: object) -> None:
        super().__init__(field, index)
        self.field, self.index, self.item = field, index, item


class JsonText(JsonBuffer):
    """Text in UTF-8 that `read(size)` gives by pieces, b"" at its end. line: the number of its first line.

    Every method raises BrokenJson for what is no JSON, and UnicodeDecodeError.
    """

    def __init__(self, read: Callable[[int], bytes], line: int = 1) -> None:
        super().__init__(read, codecs.getincrementaldecoder("utf-8")().decode, CHUNK_BYTES, line)

    def take(self, expected: str, fault: str) -> str:
        """Consume the next character that is not blank, one of `expected`; `fault` says what else it is."""
        found = self.peek()
        if not found or found not in expected:
            self.refuse(fault)
        self._at += 1
        return found

    def refuse(self, reason: str) -> NoReturn:
        """Raise BrokenJson at the read position."""
        raise self._broken(reason, self._at)

    def record(self, texts: Container[str], others: Container[str]) -> object:
        """Decode the next value. Of a long object the fields `texts` and `others` are kept, of any other value all.

        Raises NoText for a long list in a field of `texts` that holds anything but strings.
        """
        if self.peek() != "{":
            return self.value()
        if decoded := self.decoded(2 * CHUNK_BYTES):
            value, self._at = decoded
            return value
        self.take("{", "Expecting value")
        fields: dict[str, object] = {}
        after = "," if self.peek() != "}" else self.take("}", "")
        while after == ",":
            if self.peek() != '"':
                self.refuse("Expecting property name enclosed in double quotes")
            name = str(self.value())
            self.take(":", "Expecting ':' delimiter")
            value = self._list(name, name in texts) if self.peek() == "[" else self.value()
            if name in texts or name in others:
                fields[name] = value
            after = self.take(",}", "Expecting ',' delimiter")
        return fields

    def value(self) -> object:
        """Decode the next value at once, a string of any length and others up to LONGEST_VALUE."""
        is_text = self.peek() == '"'
        while (decoded := self.decoded()) is None:
            held = self.held
            if not is_text and held > LONGEST_VALUE:
                reason = f"a value of more than {LONGEST_VALUE // 10**6} MB that is no text and no list of a task"
                raise BrokenJson(reason, self.place(self._at)[0], 0)
            self.more(least=held if is_text else min(held, LONGEST_VALUE - held + 1))
        value, self._at = decoded
        return value

    def _list(self, field: str, is_text: bool) -> object:
        """Decode the list of a field; one that is longer than the buffer by runs of items, kept if `is_text`."""
        if decoded := self.decoded(2 * CHUNK_BYTES):
            value, self._at = decoded
            return value
        self.take("[", "Expecting value")
        items: list[object] = []
        after = "," if self.peek() != "]" else self.take("]", "")
        while after == ",":
            some = self._run()
            if not some:
                some = [self.value()]
                after = self.take(",]", "Expecting ',' delimiter")
            if is_text:
                wrong = next((at for at, item in enumerate(some) if not isinstance(item, str)), None)
                if wrong is not None:
                    raise NoText(field, len(items) + wrong, some[wrong])
                items += some
        return items

    def _run(self) -> list[object]:
        """Decode items that the buffer holds with the commas after them, none where the next one is longer.

        What ends at a comma of this list is decoded at once: a list of empty lists in a seventh of the time.
        """
        self.peek()
        text, at = self._text, self._at
        items: list[object] = []
        comma = text.rfind(",", at, at + _RUN)
        if comma > at:
            with suppress(ValueError, RecursionError):  # a comma in a string or a list
                items = json.loads(f"[{text[at:comma]}]")
        if items:
            self._at = comma + 1
            return items
        with suppress(ValueError, RecursionError):  # the next item is cut, or is broken and tells its place
            while True:
                item, end = _DECODE(text, at)
                comma_after = _COMMA.match(text, end)
                if comma_after is None:
                    break
                items.append(item)
                at = self._at = comma_after.end()
        return items

    def decoded(self, most: int = 0) -> tuple[object, int] | None:
        try:
            return super().decoded(most)
        except Undecodable as fault:
            if fault.at is None:
                raise BrokenJson(fault.reason, self.place(self._at)[0], 0) from None
            raise self._broken(fault.reason, fault.at) from None

    def _broken(self, reason: str, at: int) -> BrokenJson:
        line, column = self.place(at)
        return BrokenJson(reason, line, column + 1)
