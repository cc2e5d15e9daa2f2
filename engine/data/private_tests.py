"""Private tests of LiveCodeBench and LiveBench: JSON, or base64 of zlib of a pickle that holds the JSON as one string.

A pickle can run any code while it is read. Of this one exactly a string is accepted: a class or function in it, or
another value, is refused before anything of it is made.
"""

from __future__ import annotations

import base64
import binascii
import io
import pickle
import pickletools
import zlib
from typing import Any, NoReturn

from engine.data.converted import Unusable
from engine.data.fields import decode_json

MOST_BYTES = 96_000_000
"""Bytes that the private tests of one task may unpack to."""

_OF_A_STRING = frozenset(
    ("PROTO", "FRAME", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "MEMOIZE", "BINPUT", "LONG_BINPUT", "STOP")
)


class _StringsOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> NoReturn:
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: object) -> NoReturn:
        raise pickle.UnpicklingError("it names an object outside")


def decode_tests(text: str) -> list[dict[str, Any]]:
    """Return the tests as objects with `input`, `output` and perhaps `testtype`. Raises Unusable for anything else."""
    stripped = text.strip()
    if not stripped:
        return []
    tests = decode_json(stripped if stripped[0] == "[" else _unpacked(stripped), "its private tests")
    if not isinstance(tests, list) or not all(isinstance(test, dict) for test in tests):
        raise Unusable("its private tests are no list of objects")
    return tests


def _unpacked(text: str) -> str:
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Unusable("its private tests are neither JSON nor base64") from None
    unzip = zlib.decompressobj()
    try:
        plain = unzip.decompress(packed, MOST_BYTES)
    except zlib.error:
        raise Unusable("its private tests are not zlib data") from None
    if unzip.unconsumed_tail:
        raise Unusable(f"its private tests unpack to more than {MOST_BYTES // 10**6} MB")
    if not unzip.eof:
        raise Unusable("its private tests are cut short")
    try:
        if any(code.name not in _OF_A_STRING for code, _, _ in pickletools.genops(plain)):
            raise Unusable("its private tests are a pickle of more than one string: refused")
        value = _StringsOnly(io.BytesIO(plain)).load()
    except Unusable:
        raise
    except Exception:  # noqa: BLE001  # the readers of pickles raise what they like on broken ones
        raise Unusable("its private tests are a broken pickle") from None
    if not isinstance(value, str):
        raise Unusable("its private tests are a pickle of something else than a string: refused")
    return value
