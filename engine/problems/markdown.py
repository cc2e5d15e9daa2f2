"""Parser of problems in Markdown, as people keep and copy them: statement, examples, perhaps a time limit.

It finds examples in the formats of the big judges and in those that people write by hand:
    ## Sample Input 1 / ## Sample Output 1, each with a fenced block         AtCoder, Kattis
    ## Example, then Input / Output with fenced blocks                       Codeforces
    **Input:** `3 4`  **Output:** `7`, on lines of their own                 by hand
    **Example 1:** and Input: nums = [2,7], target = 9 / Output: [0,1]       LeetCode, fenced or in <pre>
A bare "Input" heading followed by prose describes the input format; it is not an example.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

from engine.errors import DataError
from engine.problems.front_matter import split_front_matter
from engine.problems.functions import convert
from engine.problems.problem import IOExample, Problem

MAX_BYTES = 200_000
"""Larger than the problems of any judge, and than a model's context."""

_TIME_LIMIT = 1.0
_TITLE_WORDS = re.compile(r"[^a-z0-9]+")
_SAMPLE = r"(?:sample|example|examples|samples|test|public)\s*"
_NUMBER = r"\s*(?:[#№]?\s*\d+)?\s*"
_INPUT = re.compile(rf"^({_SAMPLE})?(?:standard\s+)?input({_NUMBER})(\([^)]*\))?$", re.IGNORECASE)
_OUTPUT = re.compile(rf"^({_SAMPLE})?(?:standard\s+|expected\s+)?output({_NUMBER})(\([^)]*\))?$", re.IGNORECASE)
_EXAMPLE = re.compile(rf"^(?:{_SAMPLE})+(?:case|cases|test|tests)?{_NUMBER}$", re.IGNORECASE)
_OTHER_LABEL = re.compile(r"^(explanation|note|notes|constraints|follow[- ]up|hint|hints)\b", re.IGNORECASE)
_LINE_LABEL = re.compile(
    rf"^\s*(?P<label>(?:{_SAMPLE})?(?:input|output|explanation|note){_NUMBER})\s*:\s*(?P<value>.*)$", re.IGNORECASE
)
_TAG = re.compile(r"<[^>]+>")
_ENTITIES = {"&lt;": "<", "&gt;": ">", "&nbsp;": " ", "&quot;": '"', "&#39;": "'", "&amp;": "&"}


@dataclass(frozen=True, slots=True)
class MarkdownProblem:
    """Problem parsed from a Markdown file.

    problem: `statement` is the whole text with its examples; `public` holds the examples; `hidden` is empty.
    prose: the statement's paragraphs alone, on one line, for models with short prompts.
    converted: True where examples were function arguments ("nums = [2, 7]") and became lines of standard input.
    """

    problem: Problem
    prose: str
    converted: bool


def parse_markdown_problem(text: str, name: str = "problem.md") -> MarkdownProblem:
    """Parse one problem; `name` appears in errors and becomes the id of a problem without a title.

    Front matter may set `time_limit` (seconds) and `title`. Raises DataError for a text that is empty, too long or
    without a statement, and for an invalid time limit.
    """
    size = len(text.encode())
    if size > MAX_BYTES:
        raise DataError(f"{name} has {size / 1e6:.1f} MB, more than {MAX_BYTES / 1e6:g} MB", "give a single problem")
    matter, body = split_front_matter(text.replace("\r\n", "\n"), name)
    if not body.strip():
        raise DataError(f"{name} holds no problem", "write the statement as text; examples are optional")
    pieces = _pieces(body)
    prose = " ".join(piece.text.strip() for piece in pieces if isinstance(piece, _Prose) and not piece.is_heading)
    if not prose.strip():
        raise DataError(f"{name} has no statement, only headings or examples", "say what the program must do")
    examples = tuple(_examples(pieces))
    statement = body.strip()
    task = convert(examples)
    if task is not None:
        examples = task.converted
        statement = f"{statement}\n\n{task.paragraph}".strip()
    return MarkdownProblem(
        Problem(
            id=_slug(matter.title or _title(pieces) or name.rpartition("/")[2].removesuffix(".md")),
            statement=statement,
            public=examples,
            hidden=(),
            time_limit=matter.time_limit or _TIME_LIMIT,
            compare=task.compare if task else "",
        ),
        re.sub(r"\s+", " ", prose).strip(),
        task is not None,
    )


# The document as a flat list ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Prose:
    text: str
    is_heading: bool = False


@dataclass(frozen=True, slots=True)
class _Label:
    """Label of a section. kind: "input", "output", "example" or "other". sure: it contains "sample" or "example".

    value: text after the label on its line. is_code: the value is inline code, hence data and not a description.
    """

    kind: str
    sure: bool = False
    value: str = ""
    is_code: bool = False


@dataclass(frozen=True, slots=True)
class _Block:
    text: str


_Piece = _Prose | _Label | _Block


def _pieces(body: str) -> list[_Piece]:
    pieces: list[_Piece] = []
    tokens = MarkdownIt("commonmark").parse(body)
    for token, before in zip(tokens, [None, *tokens], strict=False):
        if token.type in ("fence", "code_block"):
            pieces += _block_pieces(token.content)
        elif token.type == "html_block":
            pieces += _block_pieces(_plain_text(token.content)) if "<pre" in token.content else []
        elif token.type == "inline":
            pieces += _line_pieces(token, is_heading=before is not None and before.type == "heading_open")
    return pieces


def _line_pieces(token: Token, *, is_heading: bool) -> list[_Piece]:
    """Split a heading or paragraph into lines; each may be a label with or without a value."""
    pieces: list[_Piece] = []
    for line in _plain_inline(token).split("\n"):
        label = _label(line)
        if label is not None:
            pieces.append(label)
        elif line.strip():
            pieces.append(_Prose(line, is_heading))
    return pieces


def _block_pieces(content: str) -> list[_Piece]:
    """Split a code block: it is an input or output, or a whole example with its labels inside."""
    lines = content.rstrip("\n").split("\n")
    if not any(_inner_label(line) for line in lines[:2]):
        return [_Block(content)]
    pieces: list[_Piece] = [_Label("example", sure=True)]
    gathered: list[str] = []

    def close() -> None:
        if gathered and isinstance(pieces[-1], _Label) and pieces[-1].kind in ("input", "output"):
            pieces.append(_Block("\n".join(gathered) + "\n"))
        gathered.clear()

    for line in lines:
        label = _inner_label(line)
        if label is not None:
            close()
            pieces.append(label)
        elif line.strip() or gathered:
            gathered.append(line)
    close()
    return pieces


def _inner_label(line: str) -> _Label | None:
    found = _LINE_LABEL.match(line)
    return _label(line) if found else None


def _label(line: str) -> _Label | None:
    """Return the label that a line consists of, or begins with before a colon; None without one."""
    text = line.strip().strip("*_").strip()
    head, colon, value = text.partition(":")
    head, value = head.strip().strip("*_").strip(), value.strip().strip("*_").strip()
    is_code = len(value) > 2 and value[0] == value[-1] == "`"
    value = value.strip("`").strip()
    for kind, pattern in (("input", _INPUT), ("output", _OUTPUT)):
        found = pattern.match(head)
        if found:
            return _Label(kind, sure=bool(found[1] or found[2].strip()), value=value, is_code=is_code)
    if _EXAMPLE.match(head) and not value:
        return _Label("example", sure=True)
    if _OTHER_LABEL.match(head) and (colon or len(head.split()) <= 2):
        return _Label("other")
    return None


def _plain_inline(token: Token) -> str:
    """Return the text of a line without its markup, except the backticks of inline code."""
    parts = []
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "html_inline":
            parts.append("\n" if child.content.startswith("<br") else "")
        elif child.type == "code_inline":
            parts.append(f"`{child.content}`")
        else:
            parts.append(child.content)
    return "".join(parts)


def _plain_text(html: str) -> str:
    text = _TAG.sub("", html)
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    return text.strip("\n") + "\n"


def _title(pieces: list[_Piece]) -> str:
    return next((piece.text for piece in pieces if isinstance(piece, _Prose) and piece.is_heading), "")


def _slug(title: str) -> str:
    return _TITLE_WORDS.sub("-", title.lower()).strip("-")[:60] or "problem"


# Examples of the list -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Search:
    """State of the walk through the pieces: the only mutable object here."""

    found: list[IOExample] = field(default_factory=list)
    label: _Label | None = None
    pending_input: str | None = None
    in_examples: bool = False
    prose_since_label: bool = False


def _examples(pieces: list[_Piece]) -> list[IOExample]:
    """Pair inputs with the outputs that follow them."""
    search = _Search()
    for piece in pieces:
        if isinstance(piece, _Label):
            _enter(search, piece)
        elif isinstance(piece, _Block):
            _take(search, piece.text)
        else:
            search.prose_since_label = True
            if piece.is_heading:  # a new section without examples
                search.in_examples, search.label, search.pending_input = False, None, None
    return search.found


def _enter(search: _Search, label: _Label) -> None:
    if label.kind in ("example", "other"):
        search.in_examples = label.kind == "example" or search.in_examples
        search.label = None
        return
    search.label, search.prose_since_label = label, False
    if label.kind == "input":
        search.pending_input = None
    if label.value and (label.is_code or label.sure or search.in_examples or _looks_like_data(label.value)):
        _take(search, label.value + "\n")


def _take(search: _Search, text: str) -> None:
    """Take a block as input or output if its label is directly above; in examples, prose may come between."""
    label = search.label
    if label is None or (search.prose_since_label and not (label.sure or search.in_examples)):
        return
    search.label = None
    if label.kind == "input":
        search.pending_input = text
    elif search.pending_input is not None:
        search.found.append(IOExample(search.pending_input, text))
        search.pending_input = None


def _looks_like_data(value: str) -> bool:
    """Tell data from a sentence: "Input: a line with two numbers" describes, "Input: 3 4" is an example."""
    return bool(re.search(r"\d|[\[\"'=]", value)) and len(value) < 200 and not re.search(r"[a-z]{2,} [a-z]{2,} ", value)
