"""Buffer of JSON text that is read piece by piece, and the value at its read position.

Two readers stand on it: `engine.problems.json_text`, which refuses what is broken and says where, and
`engine.data.streams`, which sets a broken record aside and goes on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Protocol

_BLANK = re.compile(r"[ \t\n\r]*+")
_DECODE = json.JSONDecoder().raw_decode
_LONGEST_TOKEN = 16  # of those that the decoder reports at their begin where the buffer ends in them: -Infinity, \ud83d
_CUT_STRING = "Unterminated string"


class Undecodable(Exception):
    """Text at `at` in the buffer that is no JSON. at is None for a value that Python refuses as a whole."""

    def __init__(self, reason: str, at: int | None) -> None:
        super().__init__(reason)
        self.reason, self.at = reason, at


class _Decoder(Protocol):
    def __call__(self, data: bytes, final: bool, /) -> str: ...


class JsonBuffer:
    """Text that `read(size)` gives by pieces of at least `chunk` bytes, b"" at its end.

    decode: turns bytes into text; what it raises passes through. Lines are counted from `line`.
    """

    def __init__(self, read: Callable[[int], bytes], decode: _Decoder, chunk: int, line: int = 1) -> None:
        self._read, self._decode, self._chunk = read, decode, chunk
        self._text, self._at, self._ended = "", 0, False
        self._line, self._column = line, 0  # of the last place that was asked for, a column from 0
        self._placed = 0  # that place in the buffer

    @property
    def held(self) -> int:
        """Number of characters from the read position to the end of the buffer."""
        return len(self._text) - self._at

    def peek(self) -> str:
        """Return the next character that is not blank; "" at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            assert blank is not None
            self._at = blank.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self.more():
                return ""

    def decoded(self, most: int = 0) -> tuple[object, int] | None:
        """Return the value at the read position and its end, None where the buffer, or `most` of it, ends before.

        Raises Undecodable.
        """
        text, base, goes_on = self._text, 0, not self._ended
        if most and self.held > most:  # after a long string the buffer is long, too
            text, base, goes_on = text[self._at : self._at + most], self._at, True
        try:
            value, end = _DECODE(text, self._at - base)
        except json.JSONDecodeError as fault:
            is_cut = fault.msg.startswith(_CUT_STRING) or fault.pos + _LONGEST_TOKEN >= len(text)
            if is_cut and goes_on:
                return None
            raise Undecodable(fault.msg, base + fault.pos) from None
        except RecursionError:
            raise Undecodable("nested too deeply", None) from None
        except ValueError as fault:  # a whole number with more digits than Python converts
            raise Undecodable(str(fault).partition(";")[0], None) from None
        # A number at the end of the buffer may go on: 1, 1.5, 1.5e-3.
        may_go_on = isinstance(value, int | float) and end + _LONGEST_TOKEN > len(text)
        return None if may_go_on and goes_on else (value, base + end)

    def more(self, least: int = 0) -> bool:
        """Read on, at least `least` bytes, and drop what was consumed; return False at the end."""
        if self._ended:
            return False
        data = self._read(max(self._chunk, least))
        self._ended = not data
        text = self._decode(data, self._ended)
        self.place(self._at)
        self._text = self._text[self._at :] + text
        self._at = self._placed = 0
        return True

    def place(self, at: int) -> tuple[int, int]:
        """Return the line, from 1, and the column, from 0, of a place in the buffer that is not before the last one."""
        lines = self._text.count("\n", self._placed, at)
        if lines:
            self._line += lines
            self._column = at - self._text.rfind("\n", self._placed, at) - 1
        else:
            self._column += at - self._placed
        self._placed = at
        return self._line, self._column
