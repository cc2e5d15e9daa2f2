"""Markdown -> tree: markdown-it's HTML, annotated with what the tree keeps, read as HTML with the HTML inside it."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import MutableMapping, Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from engine.problems.statement.building import BLOCKS
from engine.problems.statement.html_tree import html_blocks
from engine.problems.statement.tree import Document

_FENCE = re.compile(r"^[ >]*(?:[-*+] +|\d+[.)] +)?(`{3,}|~{3,})([^`]*)$")
_INLINE_TAG = re.compile(
    r"<!--[^<]{0,2000}?-->|</?[A-Za-z][A-Za-z0-9-]*(?:\"[^\"<]{0,500}\"|'[^'<]{0,500}'|[^<>\"'])*>"
)
_PRE_OPEN = re.compile(r"(?<!`)<pre\b[^<>]*>", re.IGNORECASE)
_PRE_CLOSE = re.compile(r"</pre\s*>", re.IGNORECASE)
_KEPT = re.compile(r"<pre data-kept=(\d+)></pre>|&lt;pre data-kept=(\d+)&gt;&lt;/pre&gt;")
_TIGHT_HEADING = re.compile(r"^(#{1,6})(?=[^#\s!\d.*])")
_TAG = re.compile(r"\s*</?([a-zA-Z][a-zA-Z0-9]*)\b[^<>]*>")


def markdown_document(text: str) -> Document:
    """Parse Markdown with tables and HTML. Raises DataError for excessive nesting."""
    parser = MarkdownIt("commonmark", {"html": True, "breaks": True}).enable("table").disable("autolink")
    parser.inline.ruler.at("html_inline", _html_inline)
    source, kept = _repaired(_dedented(text.split("\n")))
    tokens = parser.parse("\n".join(source))
    for token in tokens:
        _annotate(token)
    html = _Renderer().render(tokens, parser.options, {})
    html = _KEPT.sub(lambda found: kept[int(found[1])] if found[1] else escape(kept[int(found[2])]), html)
    blocks, pictures = html_blocks(html)
    is_html = any(token.type == "html_block" and not token.content.startswith("<!--") for token in tokens) or any(
        child.type == "html_inline" for token in tokens for child in token.children or ()
    )
    return Document(blocks, blocks, source=tuple(source), is_html=is_html, pictures=pictures)


def _dedented(source: Sequence[str]) -> list[str]:
    """Remove the blanks with which all lines below the first begin."""
    lines = [line for line in source[1:] if line.strip()]
    margin = min((len(line) - len(line.lstrip(" ")) for line in lines), default=0)
    return [source[0].lstrip(" ") if margin else source[0], *(line[margin:] for line in source[1:])]


def _html_inline(state: StateInline, silent: bool) -> bool:
    """Take a tag as it is. markdown-it's own rule copies the rest of the text at each `<`."""
    found = _INLINE_TAG.match(state.src, state.pos)
    if found and not silent:
        state.push("html_inline", "", 0).content = found[0]
    state.pos = found.end() if found else state.pos
    return found is not None


def _annotate(token: Token) -> None:
    if token.level == 0 and token.map and token.type.endswith(("_open", "fence", "code_block")):
        token.attrSet("data-at", f"{token.map[0]},{token.map[1]}")
    for child in token.children or ():
        if child.type in ("em_open", "strong_open"):
            child.attrSet("data-mark", child.markup)


class _Renderer(RendererHTML):
    """Renderer whose code blocks keep their info, and their text after the line break that HTML drops."""

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        token = tokens[idx]
        place = token.attrGet("data-at") or ""
        return f'<pre data-info="{escape(token.info.strip())}" data-at="{place}">\n{escape(token.content)}</pre>\n'

    def code_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: MutableMapping[str, Any]) -> str:
        tag = _TAG.match(tokens[idx].content)
        if tag and tag[1].lower() in BLOCKS:  # indented HTML after a blank line
            return tokens[idx].content
        return self.fence(tokens, idx, options, env)


def _repaired(source: Sequence[str]) -> tuple[list[str], list[str]]:
    """Mend what copies of statements break: return the lines, and the <pre> blocks that were replaced by empty ones.

    A closing fence glued to the last line of data gets its own line, `###Input` its blank. A <pre> with blank lines
    would end its HTML block.
    """
    lines: list[str] = []
    kept: list[str] = []
    opened = ""
    closing = [number for number, line in enumerate(source) if _PRE_CLOSE.search(line)]
    following = 0
    while following < len(source):
        line = source[following]
        following += 1
        fence = _FENCE.match(line)
        if opened:
            if fence and fence[1].startswith(opened) and not fence[2].strip():
                opened = ""
            elif opened[0] == "`" and line.endswith("```") and line.count("```") == 1 and line.strip("` "):
                lines.append(line.rstrip("`"))
                line, opened = opened, ""
        elif fence:
            opened = fence[1]
        else:
            line = _TIGHT_HEADING.sub(r"\1 ", line)
            at = 0
            while begun := _PRE_OPEN.search(line, at):
                close = _PRE_CLOSE.search(line, begun.end())
                if close is None:
                    number = bisect_left(closing, following)
                    if number == len(closing):
                        break
                    line = "\n".join([line, *source[following : closing[number] + 1]])
                    following = closing[number] + 1
                    continue
                kept.append(line[begun.start() : close.end()])
                before = line[: begun.start()]
                before = ("" if before.isspace() else before) + f"<pre data-kept={len(kept) - 1}></pre>"
                line, at = before + line[close.end() :], len(before)
        lines.append(line)
    return lines, kept
