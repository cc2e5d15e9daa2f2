"""HTML -> tree, with the HTML5 parser lexbor: what a browser would show as text, and nothing that runs."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborHTMLParser, LexborNode

from engine.errors import DataError
from engine.problems.statement.building import BLOCKS, Builder, words
from engine.problems.statement.tree import Block, Document

_LONGEST = 400_000
"""Characters of a page's text outside a marked problem."""

_SHOWN = 50_000
"""Characters of a page with a marked problem after which nothing below it is read: limits stand near the problem."""

_MOST_NODES = 100_000
"""Elements and texts that are read, some 20 µs each."""

MAX_DEPTH = 12_000
"""Deepest nesting: the parser's time grows with its square, 0.2 s at this depth."""

_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*)([^<>]*)(>?)")
_ATTRIBUTES = re.compile(r"(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s\"']+))*\s*/?")
_INLINE = words(
    """
    a abbr acronym annotation applet area audio b base basefont bdi bdo big br button canvas cite code col colgroup data
    datalist del dfn dialog dir em embed font frame frameset head i iframe image img input ins kbd label link map mark
    marquee math meta meter nobr noframes noscript object optgroup output param picture plaintext progress q rb rp rt
    rtc ruby s samp script select slot small source span strike strong style sub sup svg template time title track tt u
    var video wbr merror mfrac mi mn mo mover mpadded mphantom mroot mrow ms mspace msqrt mstyle msub msubsup msup
    mtable mtd mtext mtr munder munderover semantics path g rect circle defs use line text
    """
)
_KNOWN = BLOCKS | _INLINE
_VOID = words("area base br col embed frame hr image img input link meta param source track wbr")
_MAY_STAY_OPEN = words("p li td th tr tbody thead tfoot dt dd option colgroup optgroup rt rp")
_STYLES = words("a b big font i nobr s small strike tt u")
_DROPPED = words(
    "script style head noscript template button select svg nav footer aside iframe object embed noframes title"
)
_MAIN = words(
    """
    problem-statement problem_statement task-statement problembody problem-content question-content challenge-body-html
    problem-page problem-body day-desc
    """
)
"""Classes and ids of the element that holds a problem, on the pages of the judges."""

_DRAWN_MATHS = words("katex-html MathJax MathJax_Preview MathJax_CHTML MathJax_Display")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_PLACE = re.compile(r"(\d{1,7}),(\d{1,7})")
_BEFORE = r"\s*+(?><!--.*?-->\s*+)*+<"  # possessive: many comments have one reading, not 2^n
_START = re.compile(
    rf"{_BEFORE}(?:!doctype|html|head|body|div|h[1-6]|p|table|center|section|article|span|title|meta|pre|b|strong|main|"
    r"style|link|script|form|ul|hr|a)\b",
    re.IGNORECASE | re.DOTALL,
)
_PAGE = re.compile(rf"{_BEFORE}(?:!doctype|html)\b", re.IGNORECASE | re.DOTALL)
_CODE_OPENING = re.compile(r"<(pre|script|style)\b", re.IGNORECASE)
_MARKDOWN = re.compile(r"^(?:#{1,6} |```|~~~|\*\*\w|\|.*\|\s*$|[-*] |\d+\. )", re.MULTILINE)


def looks_like_html(text: str) -> bool:
    """Tell whether a whole text is HTML: it begins with a tag and has no line of Markdown outside <pre>."""
    head = text[:20_000]
    if not _START.match(head):
        return False
    return bool(_PAGE.match(head)) or not _MARKDOWN.search(_without_code(head))


def _without_code(text: str) -> str:
    """Remove the elements whose lines may look like Markdown; those that nothing closes stay."""
    kept, place, open_ones = [], 0, set[str]()
    for opening in _CODE_OPENING.finditer(text):
        name = opening[1].lower()
        if opening.start() < place or name in open_ones:
            continue
        closing = re.compile(rf"</{name}>", re.IGNORECASE).search(text, opening.end())
        if closing is None:
            open_ones.add(name)  # looked for once: many that stay open take no time
            continue
        kept.append(text[place : opening.start()])
        place = closing.end()
    return "".join([*kept, text[place:]])


def html_document(text: str) -> Document:
    """Parse a page. Raises DataError for excessive nesting."""
    tree = LexborHTMLParser(tamed(text))
    head = tree.css_first("title")
    walked = _Walk(tree)
    blocks = walked.builder.finish()
    parts = tuple(blocks[start:end] for start, end in walked.mains if end > start)
    title = " ".join(head.text().split()) if head else ""
    main = tuple(block for part in parts for block in part) or blocks
    return Document(blocks, main, parts, title=title, is_html=True, pictures=walked.builder.pictures)


def html_blocks(text: str) -> tuple[tuple[Block, ...], int]:
    """Parse HTML; return its blocks and the number of pictures. Raises DataError for excessive nesting."""
    builder = _Walk(LexborHTMLParser(tamed(text))).builder
    return builder.finish(), builder.pictures


def tamed(text: str) -> str:
    """Return HTML whose tags are all HTML's: `vector<int>`, `1 <n` and `a <b && c` are text.

    Styles lose their attributes, so that unclosed ones cannot multiply. Raises DataError for excessive nesting.
    """
    depth = deepest = 0

    def tame(found: re.Match[str]) -> str:
        nonlocal depth, deepest
        close, name, rest = found[1], found[2].lower(), found[3]
        is_letter = len(name) == 1 and (not found[4] or not _ATTRIBUTES.fullmatch(rest)) and rest.count('"') % 2 == 0
        if is_letter or (name not in _KNOWN and not re.search("[-:]", name)):
            return "&lt;" + found[0][1:]
        if name not in _VOID and name not in _MAY_STAY_OPEN and not rest.endswith("/"):
            depth = max(depth + (-1 if close else 1), 0)
            deepest = max(deepest, depth)
        return f"<{close}{name}{found[4]}" if name in _STYLES else found[0]

    text = _TAG.sub(tame, text)
    if deepest > MAX_DEPTH:
        raise DataError(f"HTML is nested {deepest} deep, more than {MAX_DEPTH}", "save the problem's text alone")
    return text


class _Walk:
    """Walk over a parsed page without recursion. mains: the ranges of marked problems among the builder's blocks."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self.builder = Builder()
        self.mains: list[tuple[int, int]] = []
        # AtCoder's pages hold the statement twice; the browser hides one language.
        self._skips_japanese = all(tree.css_first(f"span.lang-{language}") is not None for language in ("en", "ja"))
        self._main: LexborNode | None = None
        self._main_start = 0
        self._marked = len(tree.css(", ".join(f".{name}, #{name}" for name in sorted(_MAIN)))) or -1
        self._go(tree.root)

    def _go(self, node: LexborNode | None) -> None:
        """Visit each node; stop behind the last marked problem of a long page, before megabytes of comments."""
        entered = 0
        while node is not None and (self.builder.size <= _SHOWN or len(self.mains) != self._marked):
            entered += 1
            if entered > _MOST_NODES:
                raise DataError(f"the page has more than {_MOST_NODES:,} elements", "save the problem's text alone")
            if self.builder.size > _LONGEST:
                raise DataError(
                    f"the page has more than {_LONGEST / 1e6:g} MB of text", "save the problem's text alone"
                )
            child = node.first_child if self._enters(node) else None
            while child is None and node is not None:
                self._leave(node)
                child, node = node.next, node.parent
            node = child

    def _enters(self, node: LexborNode) -> bool:
        """Tell the builder of a node; return False where its children are not to be read."""
        if node.is_text_node:
            self.builder.text(node.text_content or "", collapse=self.builder.at is None)
        tag = node.tag or ""
        if not node.is_element_node or (tag in _DROPPED and tag != "script"):
            return False
        given = node.attributes
        classes = (given.get("class") or "").split()
        if tag == "script" or tag == "math":
            self._formula(node, given.get("type") or "")
            return False
        if not _DRAWN_MATHS.isdisjoint(classes) or "hidden" in given or _HIDDEN.search(given.get("style") or ""):
            return False
        if self._skips_japanese and "lang-ja" in classes:
            return False
        if tag in BLOCKS:
            self.builder.flush()
            found = _PLACE.fullmatch(given.get("data-at") or "")
            self.builder.at = (int(found[1]), int(found[2])) if found else None
        if self._main is None and self.builder.is_at_top and not _MAIN.isdisjoint((*classes, given.get("id"))):
            self.builder.flush()
            self._main, self._main_start = node, self.builder.length
        language = next((name.partition("-")[2] for name in classes if name.startswith(("language-", "lang-"))), "")
        self.builder.start(tag, given.get("data-info") or language)
        self._mark(given)
        return True

    def _leave(self, node: LexborNode) -> None:
        if not node.is_element_node or (node.tag or "") in _DROPPED:
            return
        self._mark(node.attributes)
        self.builder.end(node.tag or "")
        if self._main is not None and node.mem_id == self._main.mem_id:
            self.builder.flush()
            self.mains.append((self._main_start, self.builder.length))
            self._main = None

    def _mark(self, given: dict[str, str | None]) -> None:
        mark = given.get("data-mark")
        if mark:
            self.builder.text(mark, "mark")

    def _formula(self, node: LexborNode, kind: str) -> None:
        if node.tag == "script":
            if kind.startswith("math/tex"):
                self.builder.text(f"${node.text()}$")
            return
        tex = node.css_first("annotation")
        self.builder.text(f"${tex.text().strip()}$" if tex else node.text())
