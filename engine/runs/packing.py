"""Encodings of the archive: verdicts as bits, texts compressed, cell outputs by their distinct values."""

from __future__ import annotations

import hashlib
import json
import math
import re
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.runs.records import Bools, TestRecord
from engine.runs.values import has_declared_types

# Level 1 is twice as fast as 6 on answers of a few kB and 5-10 % larger.
_LEVEL = 1

MOST_BYTES = 24 << 20
"""Largest text that is read: far above any answer or set of tests, far below the memory of any machine."""

_LONG, _MOST_VALUES = 1 << 20, 300_000
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')


def pack_bools(values: Bools | None) -> bytes | None:
    return None if values is None else np.packbits(values, axis=None).tobytes()


def unpack_bools(packed: bytes | None, shape: tuple[int, ...]) -> Bools | None:
    if packed is None:
        return None
    count = math.prod(shape)
    if min(shape) < 0 or (count + 7) // 8 != len(packed):  # before anything of that size is allocated
        raise ValueError(f"{len(packed)} bytes are not {' x '.join(map(str, shape))} verdicts")
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=count).astype(np.bool_).reshape(shape)


def pack_text(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL)


def unpack_text(packed: bytes) -> str:
    """Return the text. Raises ValueError, TypeError or zlib.error for bytes that `pack_text` cannot have made."""
    return _inflated(packed).decode("utf-8", "surrogatepass")


def pack_answer(text: str, source: str) -> tuple[bytes, int]:
    """Compress an answer with the program read from it; return that and the answer's bytes before compression.

    The program is usually a copy of a part of the answer: compressed after it, it costs almost nothing.
    """
    answer = text.encode("utf-8", "surrogatepass")
    return zlib.compress(answer + source.encode("utf-8", "surrogatepass"), _LEVEL), len(answer)


def unpack_answer(packed: bytes, answer_bytes: int) -> tuple[str, str]:
    """Return the answer and its program. Raises as `unpack_text`."""
    whole = _inflated(packed)
    if not 0 <= answer_bytes <= len(whole):
        raise ValueError(f"an answer of {answer_bytes} bytes in {len(whole)}")
    answer, source = whole[:answer_bytes], whole[answer_bytes:]
    return answer.decode("utf-8", "surrogatepass"), source.decode("utf-8", "surrogatepass")


def pack_tests(tests: Sequence[TestRecord]) -> bytes:
    return pack_text(json.dumps([[test.input, test.expected, test.rollout] for test in tests]))


def unpack_tests(packed: bytes) -> tuple[TestRecord, ...]:
    """Return the tests. Raises as `unpack_text`."""
    tests = tuple(TestRecord(*fields) for fields in _from_json(packed))
    if not all(map(has_declared_types, tests)):
        raise TypeError("a test is two texts and the number of an answer")
    return tests


def pack_outputs(outputs: Sequence[Sequence[str]] | None) -> bytes | None:
    """Pack n rows of c outputs. Most cells of a column print the same, so each distinct text is stored once."""
    if outputs is None:
        return None
    places: dict[str, int] = {}
    index = [[places.setdefault(text, len(places)) for text in row] for row in outputs]
    return pack_text(json.dumps({"texts": list(places), "index": index}))


def unpack_outputs(packed: bytes | None) -> tuple[tuple[str, ...], ...] | None:
    if packed is None:
        return None
    fields = _from_json(packed)
    texts, index = fields["texts"], fields["index"]
    if not all(isinstance(text, str) for text in texts) or any(place < 0 for row in index for place in row):
        raise TypeError("outputs are texts, and their places")
    return tuple(tuple(texts[place] for place in row) for row in index)


def _inflated(packed: bytes) -> bytes:
    """Decompress, but no more than MOST_BYTES: a few kilobytes can grow to gigabytes."""
    stream = zlib.decompressobj()
    whole = stream.decompress(packed, MOST_BYTES + 1)
    if len(whole) > MOST_BYTES:
        raise ValueError(f"a text of more than {MOST_BYTES >> 20} MiB")
    if not stream.eof:
        raise ValueError("a text without its end")
    return whole


def _from_json(packed: bytes) -> Any:
    text = _inflated(packed).decode("ascii")
    # A list of lists takes twenty times its text in memory. Texts inside count as one value, however long.
    if len(text) > _LONG and sum(map(_STRING.sub("", text).count, "[{,")) > _MOST_VALUES:
        raise ValueError(f"more than {_MOST_VALUES} values")
    return json.loads(text)


def digest(body: bytes) -> bytes:
    """Return the 16-byte key under which a statement or test set is stored once."""
    return hashlib.blake2b(body, digest_size=16).digest()
