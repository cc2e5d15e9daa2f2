"""Reader of statements: a text of any judge -> the problems in it, with examples, limits and what was not understood.

    Markdown or HTML -> Document (tree) -> sections (labels) -> examples, limits, statement -> Statement

Each step is a file of this folder. Nothing here knows one judge: the formats differ in their labels, which labels.toml
lists, and in where they put their data: blocks, tables, values beside a label, plain lines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import DataError
from engine.problems.functions import FunctionTask, convert, kind_of, refusals
from engine.problems.problem import IOExample, Problem
from engine.problems.statement import doubts as doubt
from engine.problems.statement.calls import calls_of
from engine.problems.statement.examples import Found, find_examples
from engine.problems.statement.front_matter import FrontMatter, split_front_matter
from engine.problems.statement.html_tree import html_document, looks_like_html
from engine.problems.statement.labels import label
from engine.problems.statement.limits import find_limits
from engine.problems.statement.markdown_tree import markdown_document
from engine.problems.statement.prose import prose_of
from engine.problems.statement.sections import Section, sections
from engine.problems.statement.splitting import is_title, problem_parts, without_solutions
from engine.problems.statement.tree import Block, Code, Document, Heading, Paragraph, plain, render

MAX_TEXT = 200_000
"""Characters of a statement: more than those of any judge, and than a model's context."""

_TIME_LIMIT = 1.0
_MOST_BLOCKS = 20_000
_ARGUMENT = re.compile(r"[A-Za-z_]\w*(?:\[\])*\s*=\s*\S")

_NO_TITLE = re.compile(r"[.:]$|\s:\s\d|：\s*\d")
_UNUSABLE = ("interactive", "class", "sql", "shell")


@dataclass(frozen=True, slots=True)
class Statement:
    """Problem as a text states it.

    problem: `statement` is the whole text for the models, `public` the examples that a program can be run with.
    prose: the statement's sentences without examples, one line, for models with short prompts.
    kind: stdin, function, class, sql, shell, interactive or unknown.
    raw: the examples as written; converted: for each of problem.public, whether it was a call and became lines.
    time_limit: seconds, memory_limit: MB; None where the text names none. doubts: sentences for the user.
    """

    problem: Problem
    prose: str
    title: str = ""
    kind: str = "unknown"
    raw: tuple[IOExample, ...] = ()
    converted: tuple[bool, ...] = ()
    time_limit: float | None = None
    memory_limit: float | None = None
    doubts: tuple[str, ...] = ()


def read_statements(text: str, name: str = "problem.md") -> list[Statement]:
    """Read the problems of a text in Markdown or HTML; `name` appears in errors and becomes the id without a title.

    Raises DataError for a text that is empty, too long or without a statement.
    """
    matter, body = split_front_matter(text.replace("\r\n", "\n").replace("\r", "\n"))
    if not body.strip():
        raise DataError(f"{name} holds no problem", "write the statement as text; examples are optional")
    is_html = name.lower().endswith((".html", ".htm", ".xhtml")) or looks_like_html(body)
    if not is_html and len(body) > MAX_TEXT:
        raise DataError(
            f"{name} has {len(body) / 1e6:.1f} MB, more than {MAX_TEXT / 1e6:g} MB", "give a single problem"
        )
    try:
        document = html_document(body) if is_html else markdown_document(body)
    except DataError as error:
        raise DataError(f"{name}: {error.message}", error.remedy) from None
    parts = problem_parts(document) if len(document.main) < _MOST_BLOCKS else [document]
    return [_statement(part, body if len(parts) == 1 else "", matter, name) for part in parts]


def _statement(document: Document, body: str, matter: FrontMatter, name: str) -> Statement:
    main = without_solutions(document.main)
    text = body.strip() if not document.is_html and main == document.blocks and body else render(main)
    if len(text) > MAX_TEXT:
        raise DataError(f"{name} has {len(text) / 1e6:.1f} MB of text", "save the problem's text alone")
    parts = sections(document, main)
    is_all = document.main is document.blocks or len(document.blocks) > _MOST_BLOCKS
    everything = parts if is_all else sections(document, without_solutions(document.blocks))
    prose = prose_of(parts)
    if not prose:
        raise DataError(f"{name} has no statement, only headings or examples", "say what the program must do")
    found = find_examples(parts, document)
    if not found.examples and not is_all:
        found = find_examples(everything, document)
    if not found.examples:
        calls = calls_of([block.text for block in main if isinstance(block, Code)])
        found = Found(tuple(calls)) if calls else found
    code = [block.text for block in document.blocks if isinstance(block, Code)]
    kind = _kind(parts, found, code, text)
    task = convert(found.examples, code) if kind == "function" else None
    usable, lost = _usable(found, kind, task)
    limits = find_limits(everything)
    if task is not None and task.paragraph:
        text += "\n\n" + task.paragraph
    title = matter.title or _title(document, main)
    seconds = matter.time_limit or limits.seconds
    problem = Problem(
        id=_slug(title or name.rpartition("/")[2].rpartition(".")[0] or name),
        statement=text,
        public=usable,
        hidden=(),
        time_limit=seconds or _TIME_LIMIT,
        compare=(task.compare if task else "") or doubt.tolerance(text),
    )
    doubts = [
        *doubt.of_kind(kind),
        *(() if kind in _UNUSABLE else found.doubts),
        *lost,
        *(() if found.examples or found.doubts else doubt.without_examples(parts, kind)),
        *matter.doubts,
        *limits.doubts,
        *doubt.of_words(text, document, has_examples=bool(usable)),
    ]
    return Statement(
        problem,
        prose,
        title,
        kind,
        raw=() if kind == "interactive" else found.examples,
        converted=(task is not None,) * len(usable),
        time_limit=seconds,
        memory_limit=matter.memory_limit or limits.megabytes,
        doubts=doubt.shortened(doubts),
    )


def _usable(found: Found, kind: str, task: FunctionTask | None) -> tuple[tuple[IOExample, ...], list[str]]:
    """Return the examples that a program can be run with, and a sentence for each that is lost."""
    if kind in _UNUSABLE:
        return (), []
    if task is None and kind == "function" and found.examples:
        return (), [
            f"example {number} is left out: {reason or 'it is no call of a function'}"
            for number, reason in enumerate(refusals(found.examples), 1)
        ]
    if task is None:
        return found.examples, []
    reasons = [
        f"example {number} is left out: {each.reason}"
        for number, each in enumerate(task.examples, 1)
        if not isinstance(each, IOExample)
    ]
    return task.converted, reasons


def _kind(parts: Sequence[Section], found: Found, code: Sequence[str], text: str) -> str:
    """Tell what a task asks for: by its labels, its code, its examples, its words."""
    if any(part.kind == "interaction" for part in parts) or doubt.phrase_in(text, "interactive"):
        return "interactive"
    kind = kind_of(code, found.examples, text)
    if kind != "unknown":
        return kind
    for named in ("sql", "class"):
        if doubt.phrase_in(text, named):
            return named
    if found.examples and all(_ARGUMENT.match(example.input) for example in found.examples):
        return "function"
    speaks_of_input = any(part.kind in ("input", "format") and part.level < 8 for part in parts)
    if found.examples or speaks_of_input or doubt.phrase_in(text, "stdin"):
        return "stdin"
    return "function" if doubt.phrase_in(text, "function") else "unknown"


def _title(document: Document, main: Sequence[Block]) -> str:
    for blocks in (main, document.blocks):
        titles = [plain(block.line) for block in blocks if isinstance(block, Heading) and is_title(block)]
        if titles:  # the page's own title tells that of the problem from that of the site
            return next((title for title in titles if title in document.title), titles[0])
    first = main[0] if main else None
    line = first.lines[0] if isinstance(first, Paragraph) else ()
    if line and len(plain(line)) < 80 and not _NO_TITLE.search(plain(line)) and label(line) is None:
        return plain(line)
    return document.title


def _slug(title: str) -> str:
    return re.sub(r"[\W_]+", "-", title.lower()).strip("-")[:60] or "problem"
