"""Data of a section: the block, value or plain lines that its label announces, or the reason why there are none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.problems.statement.labels import normal, phrases, value_text
from engine.problems.statement.sections import Item, Section, Text
from engine.problems.statement.tree import Code, Document, Line, Table, plain

_WORD = re.compile(r"[^\W\d_]{2,}")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_VARIABLE = re.compile(r"[A-Za-z](?:_?\{?[A-Za-z0-9+-]{1,3}\}?)?|\$.*\$|\\\w+|\.{2,}|…|:|⋮")
_BOUND = re.compile(r"[<>≤≥=]|\\(?:le|ge|lt)")
_REMARK = re.compile(
    r"""^[^"'\[{]*\d[^"'\[{]*\(.*[^\W\d_]{3}.*\)$|\s(?://|\#|←|<--?|—)\s|"""
    r"""^[^"'\[{=]*\d\s+(?:and|or|then|followed by|и|et|y|e|und|和|と)\s+\d|^[^"']*\d\s*(?:or|или|oder|ou|或)\s"""
)
_REMARKED = re.compile(r"^[-\d., \t]*\d[ \t]*(?://|[#←]|<--?|--)[ \t]*[^\W\d_]{2}", re.MULTILINE)
"""Line of numbers with words behind it."""

_MOST_AT_AN_END = 200
"""Characters at both ends of a value in which a remark is looked for: the time of the search grows with their cube."""
_SHORTENED = re.compile(r"^(?=.*\d).*(?:\s\.\.\.(?:\s|$)|…)", re.MULTILINE)
_NO_DATA = re.compile(r"\s*(?:-{3,}|={3,}|\*{3,}|_{3,}|<!--.*-->)?\s*")
_HEADER = re.compile(r"\s*STDIN\s+(?P<right>Function)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Datum:
    """Data of a label. texts: one, several blocks beside one another, or none; then `why` says the reason, if any.

    is_weak: nothing but the label `Input` or `Output` speaks for it.
    """

    texts: tuple[str, ...] = ()
    why: str = ""
    is_weak: bool = False


def datum(section: Section, document: Document, *, in_examples: bool) -> Datum:
    """Find the data that an input's or output's section holds."""
    assert section.label is not None
    is_sure = section.label.is_example or in_examples
    if section.is_mixed:
        return Datum(why="has a block with labels of its own")
    found = _found(section, document, is_sure=is_sure)
    why = next(filter(None, map(no_data, found.texts)), "")
    return Datum(why=why) if why else found


def _found(section: Section, document: Document, *, is_sure: bool) -> Datum:
    assert section.label is not None
    if section.level == 8:
        return _inner(section)
    if section.label.value is not None:
        below = section.items[0] if section.items else None
        if not (isinstance(below, Code) and is_untagged(below)) or not _may_be_words(section.label.value):
            return _value(section, is_sure=is_sure)
        if not _are_words(section.label.value):
            return Datum(why="has words and a block" if is_sure else "")
    codes = [number for number, item in enumerate(section.items) if isinstance(item, Code)]
    if codes:
        return _blocks(section.items, codes, is_sure=is_sure)
    if any(isinstance(item, Table) for item in section.items):
        return Datum(why="holds a table" if is_sure else "")
    return _lines(section, document, is_sure=is_sure)


def no_data(text: str) -> str:
    """Say why a text is no data of an example; "" if it may be."""
    if _SHORTENED.search(text):
        return "is shortened by dots"
    if _REMARKED.search(text):
        return "may carry a remark"
    return "is in a file of its own" if normal(text) in phrases("elsewhere") else ""


def is_sentence(text: str) -> bool:
    """Tell prose from data: `The first line holds n.` is prose, `3 4`, `hello world` and `[1, 2]` are data."""
    text = text.strip()
    if not text or text[0] in "[{\"'(<#*+-=.|/\\0123456789":
        return text.endswith((".", "。")) and len(_WORD.findall(text)) > 5 and not text[:1].isdigit()
    words = _WORD.findall(text)
    if len(_IDEOGRAPHS.findall(text)) > 6 or (text.endswith(("。", "：")) and _IDEOGRAPHS.search(text)):
        return True
    share = sum(map(len, words)) / max(1, len(text))
    return (len(words) > 3 and text.endswith((".", ":", "!", "?", ";"))) or (len(words) > 6 and share > 0.6)


def looks_like_a_format(text: str) -> bool:
    """Tell a pattern of the input, such as `N M` above `a_1 ... a_N`, from data."""
    tokens = text.split()
    if not tokens or not all(map(_VARIABLE.fullmatch, tokens)):
        return False
    return any(len(token) > 1 or token.isupper() for token in tokens) and not all(
        len(token) > 1 and token.isalpha() for token in tokens
    )


def is_stream(text: str) -> bool:
    """Tell the name of a stream, such as `standard input`, from data."""
    return normal(text) in phrases("streams")


def is_nothing(text: str) -> bool:
    """Tell words for an empty input, such as `(none)`, from data."""
    return normal(text) in phrases("nothing")


def code_text(code: Code) -> str | None:
    """Return the data of a code block. HackerRank's second column explains the first; None where they touch."""
    lines = code.text.split("\n")
    header = _HEADER.fullmatch(lines[0])
    if not header:
        return code.text
    column = header.start("right")
    if any(line[column - 1 : column].strip(" →") for line in lines):
        return None
    data = [line[:column].partition("→")[0].rstrip() for line in lines[1:]]
    return "\n".join(line for line in data if not re.fullmatch(r"\s*-+", line) and line) + "\n"


def _inner(section: Section) -> Datum:
    """Read a value inside a code block: the rest of the label's line and the lines below it."""
    assert section.label is not None
    first = plain(section.label.value) if section.label.value else ""
    lines = [item.line[0].text for item in section.items if isinstance(item, Text)]
    while lines and not lines[-1].strip():
        lines.pop()
    while lines and not lines[0].strip():
        lines.pop(0)
    if first and any(is_sentence(line) or re.match(r"\s*[^\W\d_]{4,}\s*:", line) for line in lines):
        return Datum(why="mixes data and prose")
    text = "\n".join([*([first] if first else []), *lines])
    if is_nothing(text):
        return Datum(("",))
    return Datum((text + "\n",)) if text else Datum(why="is empty")


def is_untagged(code: Code) -> bool:
    """Tell whether the info of a block names no programming language, so that it may hold data."""
    return normal(code.info.split(" ")[0]) in phrases("untagged")


def _may_be_words(value: Line) -> bool:
    """Tell whether a value above a block may be a remark on it: `for n = 3`, but not `nums = [2]` or `YES`."""
    read = value_text(value)
    if read is None or read[1]:
        return False
    words = re.findall(r"[^\W\d_]+", read[0])
    is_phrase = len(words) > 1 and max(map(len, words)) > 2
    return _are_words(value) or (is_phrase and not re.match(r"[\d\[\"'{+-]|\w+\s*=", read[0]))


def _are_words(value: Line) -> bool:
    """Tell a remark on the block below, `(two lines):`, from data."""
    text = plain(value)
    return bool(re.fullmatch(r"\(.*[^\W\d_]{2}.*\):?|（.*）[:：]?|.*[^\W\d_]{2}.*[:：]", text))


def _value(section: Section, *, is_sure: bool) -> Datum:
    assert section.label is not None
    assert section.label.value is not None
    read = value_text(section.label.value)
    if read is None:
        return Datum(why="has several pieces of code" if is_sure else "")
    text, is_code = read
    if is_stream(text):
        return Datum()
    if is_nothing(text):
        return Datum(("",))
    if "\\n" in text:
        return Datum(why="writes line breaks as \\n")
    if not is_code and is_sentence(text):
        return Datum(why="is followed by a sentence" if is_sure else "")
    if not is_code and _REMARK.search(text[:_MOST_AT_AN_END] + text[_MOST_AT_AN_END:][-_MOST_AT_AN_END:]):
        return Datum(why="may carry a remark")
    if not (is_code or is_sure) and (not re.search(r"[\d\[\"'=]", text) or _describes(text)):
        return Datum(why="may be a format")
    lines = [text]
    same = [item for item in section.items[:1] if isinstance(item, Text) and item.at is not None]
    for item in section.items:
        if not isinstance(item, Text) or not same or item.paragraph != same[0].paragraph or is_code:
            break
        if is_sentence(item.plain) or not re.search(r"[\d\[\"'=]", item.plain):
            break
        lines.append(item.plain)
    return Datum(("\n".join(lines) + "\n",), is_weak=not is_sure)


def _describes(text: str) -> bool:
    """Tell words about data, `5 numbers, each at most 100`, from data beside a plain label, `nums = [2], k = 1`."""
    unquoted = re.sub(r"\"[^\"]*\"|'[^']*'|\b\w+\s*=", " ", text)
    return len(_WORD.findall(re.sub(r"\b(?:true|false|null|none)\b", " ", unquoted.casefold()))) > 1 or (
        bool(re.search(r"[<>≤≥]=?\s*\w", unquoted)) and bool(_WORD.search(unquoted))
    )


def _blocks(items: Sequence[Item], codes: list[int], *, is_sure: bool) -> Datum:
    """Take the first block, and those that follow it without a word between."""
    before = [item for item in items[: codes[0]] if isinstance(item, Text)]
    if before and not is_sure:
        return Datum()
    if any(not is_sentence(item.plain) and not item.plain.endswith((":", "：")) for item in before):
        return Datum(why="has text that may be data beside its block")
    last = codes[0]
    while last + 1 < len(items) and isinstance(items[last + 1], Code):
        last += 1
    texts = [code_text(item) for item in items[codes[0] : last + 1] if isinstance(item, Code)]
    after = items[last + 1] if last + 1 < len(items) else None
    if isinstance(after, Text) and normal(after.plain).strip(":,.") in phrases("alternative"):
        return Datum(why="has two answers")
    if not is_sure and any(text is None or looks_like_a_format(text) for text in texts):
        return Datum(why="looks like a format, not like data")
    if any(text is None for text in texts):
        return Datum(why="has two columns that touch")
    return Datum(tuple(text for text in texts if text is not None), is_weak=not is_sure)


def _lines(section: Section, document: Document, *, is_sure: bool) -> Datum:
    """Take plain lines as data, as far as they look like it."""
    texts = [item for item in section.items if isinstance(item, Text)]
    if not is_sure:
        is_data = bool(texts) and not any(_WORD.search(item.plain) or _BOUND.search(item.plain) for item in texts)
        return Datum(why="may be a format" if is_data and any(map(str.isdigit, texts[0].plain)) else "")
    if not texts:
        return Datum(why="has nothing below it")
    paragraphs: dict[int, list[Text]] = {}
    for item in texts:
        paragraphs.setdefault(item.paragraph, []).append(item)
    taken: list[Text] = []
    for lines in paragraphs.values():
        prose = [is_sentence(line.plain) for line in lines]
        if all(prose) or is_sentence(" ".join(line.plain for line in lines)):
            break
        if any(prose) or (taken and _is_foreign(lines, taken)):
            return Datum(why="mixes data and prose")
        taken += lines
    if not taken:
        return Datum(why="is followed by prose alone")
    if len(taken) == 1 and is_stream(taken[0].plain):
        return Datum()
    if len(taken) == 1 and is_nothing(taken[0].plain):
        return Datum(("",))
    text = _source(section, document, taken, is_all=len(taken) == len(texts))
    return Datum((text,)) if text else Datum(why="mixes data and prose")


def _source(section: Section, document: Document, taken: Sequence[Text], *, is_all: bool) -> str:
    """Return plain lines as the source has them: Markdown changes `*`, `#`, lists and leading blanks. "" if unsure."""
    if any(span.kind == "code" for line in taken for span in line.line):
        pure = all(len(line.line) == 1 for line in taken)
        return "\n".join(line.line[0].text for line in taken) + "\n" if pure else ""
    if not document.source or section.start is None:
        is_one = taken[0].paragraph == taken[-1].paragraph
        return "\n".join(line.plain for line in taken) + "\n" if is_one else ""
    last = section.end if is_all and section.end is not None else taken[-1].at
    if last is None:
        return ""
    lines = list(document.source[section.start : last + (section.end is None or not is_all)])
    while lines and _NO_DATA.fullmatch(lines[-1]):
        lines.pop()
    while lines and _NO_DATA.fullmatch(lines[0]):
        lines.pop(0)
    if all(line.startswith(">") for line in lines):
        lines = [line[1:].removeprefix(" ") for line in lines]
    return "\n".join(lines) + "\n"


def _is_foreign(lines: Sequence[Text], taken: Sequence[Text]) -> bool:
    """Tell lines of words that share none with the data above them: a source, an author, a remark."""
    above, here = ({word for line in part for word in _WORD.findall(line.plain)} for part in (taken, lines))
    return bool(here) and above.isdisjoint(here)
