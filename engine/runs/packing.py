"""Encodings of the archive: verdicts as bits, texts compressed, cell outputs by their distinct values."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Sequence

import numpy as np

from engine.runs.records import Bools, TestRecord

# Level 1 is twice as fast as 6 on answers of a few kB and 5-10 % larger.
_LEVEL = 1


def pack_bools(values: Bools | None) -> bytes | None:
    return None if values is None else np.packbits(values, axis=None).tobytes()


def unpack_bools(packed: bytes | None, shape: tuple[int, ...]) -> Bools | None:
    if packed is None:
        return None
    count = int(np.prod(shape))
    return np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=count).astype(np.bool_).reshape(shape)


def pack_text(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "surrogatepass"), _LEVEL)


def unpack_text(packed: bytes) -> str:
    return zlib.decompress(packed).decode("utf-8", "surrogatepass")


def pack_answer(text: str, source: str) -> tuple[bytes, int]:
    """Compress an answer with the program read from it; return that and the answer's bytes before compression.

    The program is usually a copy of a part of the answer: compressed after it, it costs almost nothing.
    """
    answer = text.encode("utf-8", "surrogatepass")
    return zlib.compress(answer + source.encode("utf-8", "surrogatepass"), _LEVEL), len(answer)


def unpack_answer(packed: bytes, answer_bytes: int) -> tuple[str, str]:
    whole = zlib.decompress(packed)
    answer, source = whole[:answer_bytes], whole[answer_bytes:]
    return answer.decode("utf-8", "surrogatepass"), source.decode("utf-8", "surrogatepass")


def pack_tests(tests: Sequence[TestRecord]) -> bytes:
    return pack_text(json.dumps([[test.input, test.expected, test.rollout] for test in tests]))


def unpack_tests(packed: bytes) -> tuple[TestRecord, ...]:
    return tuple(TestRecord(*fields) for fields in json.loads(unpack_text(packed)))


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
    fields = json.loads(unpack_text(packed))
    texts = fields["texts"]
    return tuple(tuple(texts[place] for place in row) for row in fields["index"])


def digest(body: bytes) -> bytes:
    """Return the 16-byte key under which a statement or test set is stored once."""
    return hashlib.blake2b(body, digest_size=16).digest()
