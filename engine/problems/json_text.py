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

CHUNK_BYTES = 1 << 18
LONGEST_VALUE = 10_000_000
"""Characters of one value that is neither a string nor the list of a field: as empty lists they take 200 MB."""

_BLANK = re.compile(r"[ \t\n\r]*+")
_COMMA = re.compile(r"[ \t\n\r]*+,[ \t\n\r]*+")
_DECODE = json.JSONDecoder().raw_decode
_RUN = 1 << 16
_LONGEST_TOKEN = 16  # of those that the decoder reports at their begin where the buffer ends in them: -Infinity, \ud83d
_CUT_STRING = "Unterminated string"


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


class JsonText:
    """Text in UTF-8 that `read(size)` gives by pieces, b"" at its end. line: the number of its first line.

    Every method raises BrokenJson for what is no JSON, and UnicodeDecodeError.
    """

    def __init__(self, read: Callable[[int], bytes], line: int = 1) -> None:
        self._read = read
        self._decode = codecs.getincrementaldecoder("utf-8")().decode
        self._text, self._at, self._ended = "", 0, False
        self._line, self._column = line, 0  # of the buffer's begin

    def peek(self) -> str:
        """Return the next character that is not blank; "" at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            assert blank is not None
            self._at = blank.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

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
        if decoded := self._decoded(2 * CHUNK_BYTES):
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
        while (decoded := self._decoded()) is None:
            held = len(self._text) - self._at
            if not is_text and held > LONGEST_VALUE:
                reason = f"a value of more than {LONGEST_VALUE // 10**6} MB that is no text and no list of a task"
                raise BrokenJson(reason, self._line + self._text.count("\n", 0, self._at), 0)
            self._more(least=held if is_text else min(held, LONGEST_VALUE - held + 1))
        value, self._at = decoded
        return value

    def _list(self, field: str, is_text: bool) -> object:
        """Decode the list of a field; one that is longer than the buffer by runs of items, kept if `is_text`."""
        if decoded := self._decoded(2 * CHUNK_BYTES):
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

    def _decoded(self, most: int = 0) -> tuple[object, int] | None:
        """Return the value at the read position and its end, None where the buffer, or `most` of it, ends before."""
        text, base, goes_on = self._text, 0, not self._ended
        if most and len(text) - self._at > most:  # after a long string the buffer is long, too
            text, base, goes_on = text[self._at : self._at + most], self._at, True
        try:
            value, end = _DECODE(text, self._at - base)
        except json.JSONDecodeError as fault:
            is_cut = fault.msg.startswith(_CUT_STRING) or fault.pos + _LONGEST_TOKEN >= len(text)
            if is_cut and goes_on:
                return None
            raise self._broken(fault.msg, base + fault.pos) from None
        except RecursionError:
            raise BrokenJson("nested too deeply", self._line + self._text.count("\n", 0, self._at), 0) from None
        except ValueError as fault:  # a whole number with more digits than Python converts
            reason = str(fault).partition(";")[0]
            raise BrokenJson(reason, self._line + self._text.count("\n", 0, self._at), 0) from None
        # A number at the end of the buffer may go on: 1, 1.5, 1.5e-3.
        may_go_on = isinstance(value, int | float) and end + _LONGEST_TOKEN > len(text)
        return None if may_go_on and goes_on else (value, base + end)

    def _broken(self, reason: str, at: int) -> BrokenJson:
        line, column = self._place(at)
        return BrokenJson(reason, line, column + 1)

    def _place(self, at: int) -> tuple[int, int]:
        """Return the line, from 1, and the column, from 0, of a place in the buffer."""
        lines = self._text.count("\n", 0, at)
        return self._line + lines, at - self._text.rfind("\n", 0, at) - 1 if lines else self._column + at

    def _more(self, least: int = 0) -> bool:
        """Read on, and drop what was consumed; return False at the end."""
        if self._ended:
            return False
        data = self._read(max(CHUNK_BYTES, least))
        self._ended = not data
        text = self._decode(data, self._ended)
        self._line, self._column = self._place(self._at)
        self._text = self._text[self._at :] + text
        self._at = 0
        return True
