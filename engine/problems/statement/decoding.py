"""Bytes -> text of a statement: UTF-8, UTF-16 and UTF-32 with a byte order mark, HTML that names its encoding.

Other encodings are refused with the one that they look like: a guess may be wrong in a letter of an example.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping

from engine.errors import DataError
from engine.problems.statement.labels import normal, words

MAX_BYTES = 16_000_000
"""Bytes of a file: pages are much larger than the statement in them."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FORMATS = {
    b"%PDF": "a PDF", b"PK\x03\x04": "a ZIP archive or an office document", b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture", b"GIF8": "a GIF picture", b"\x1f\x8b": "a gzip archive", b"\x7fELF": "a program",
    b"\xd0\xcf\x11\xe0": "an office document", b"{\\rtf": "an RTF document", b"bplist": "a web archive",
}  # fmt: skip
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_LANGUAGES = {
    "GB18030": ("zh", "\u4e00-\u9fff"), "Big5": ("zh", "\u4e00-\u9fff"),
    "Shift_JIS": ("ja", "\u3040-\u30ff\u4e00-\u9fff"),
    "EUC-JP": ("ja", "\u3040-\u30ff\u4e00-\u9fff"), "EUC-KR": ("ko", "\uac00-\ud7a3"), "Windows-1251": ("ru", "а-яё"),
    "KOI8-R": ("ru", "а-яё"), "Windows-1252": ("es", "\u00c0-\u00ff"),
}  # fmt: skip
_KANA = re.compile("[\u3040-\u30ff]")
_FOREIGN = re.compile(r"[^\W\d_a-zA-Z]")
_SHOWN = {"GB18030": "GBK"}


def decode(data: bytes, name: str) -> str:
    """Return the text of a file. Raises DataError for a binary file and for an encoding that is not certain."""
    for signature, what in _FORMATS.items():
        if data.startswith(signature):
            raise DataError(f"{name} is {what}, not text", "copy the statement into a Markdown file")
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).removeprefix("\ufeff")
            except UnicodeDecodeError:
                raise DataError(
                    f"{name} is not UTF-8, and its {encoding.upper()} is damaged", "save it as UTF-8"
                ) from None
    if b"\0" in data:
        looks = "looks like UTF-16 without a byte order mark" if _is_utf16(data) else "is not a text file"
        raise DataError(f"{name} {looks}", "save the statement as UTF-8")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        place = error.start
    declared = _CHARSET.search(data[:4096])
    try:
        if declared is not None:
            text = data.decode(declared[1].decode())
            text.encode()  # a page may name an encoding of Python's that makes halves of characters
            return text
    except (LookupError, UnicodeError):
        pass
    guess = likely_encoding(data)
    if guess:
        remedy = f"convert it: iconv -f {guess} -t UTF-8"
        raise DataError(f"{name} is not UTF-8 (byte {place}); it looks like {guess}", remedy)
    raise DataError(f"{name} is not UTF-8 (byte {place})", "save it as UTF-8")


def likely_encoding(data: bytes) -> str:
    """Guess the encoding of a text that is not UTF-8: the one in which it has words of labels; "" for none."""
    scores: Mapping[str, float] = {encoding: _score(data[:50_000], encoding) for encoding in _LANGUAGES}
    best = max(scores, key=lambda encoding: scores[encoding])
    return _SHOWN.get(best, best) if scores[best] > 0 else ""


def _score(data: bytes, encoding: str) -> float:
    """Return words of labels found, then the share of the language's letters; 0 where the bytes do not fit."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return 0.0
    language, letters = _LANGUAGES[encoding]
    folded = normal(text)
    labels = (word for role in ("input", "output", "example", "statement", "note", "constraints", "explanation")
              for word in words()[role].get(language, ()))  # fmt: skip
    found = sum(not word.isascii() and normal(word) in folded for word in labels)
    foreign = [character for character in text if ord(character) > 127]
    share = len(re.findall(f"[{letters}]", text)) / max(1, len(foreign))
    share *= _fitting(text, is_latin=language == "es")
    if language == "ja" and len(_KANA.findall(text)) > 0.3 * len(foreign):
        share += 0.5  # no other language's bytes read as so many of them
    return found + (share if share > 0.4 else 0.0)


def _fitting(text: str, *, is_latin: bool) -> float:
    """Return the share of foreign letters that stand where they can: beside a-z in a Latin script, else apart."""
    letters = len(_FOREIGN.findall(text))
    beside = len(re.findall(r"(?<=[a-zA-Z])[^\W\d_a-zA-Z]|[^\W\d_a-zA-Z](?=[a-zA-Z])", text))
    return (beside if is_latin else letters - beside) / max(1, letters)


def _is_utf16(data: bytes) -> bool:
    """Tell UTF-16 from other bytes with NULs: these stand on one side of the pairs, and the text can be printed."""
    even, odd = data[:2000:2].count(0), data[1:2000:2].count(0)
    if min(even, odd) or max(even, odd) < 2:
        return False
    text = data[: 2000 - len(data) % 2].decode("utf-16-be" if even else "utf-16-le", "replace")
    return sum(each.isprintable() or each.isspace() for each in text) > 0.95 * len(text)
