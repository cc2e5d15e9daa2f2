"""Sentences of doubt: what a text seems to hold and the reader did not understand, or what its words warn of."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.problems.statement.labels import normal, words
from engine.problems.statement.sections import Section
from engine.problems.statement.tree import Code, Document, Table

_MOST = 8


def phrase_in(text: str, kind: str) -> str:
    """Return the first of labels.toml's phrases of a kind that a text contains, "" for none."""
    folded = normal(text)
    return next((phrase for phrase in words()["phrases"][kind] if normal(phrase) in folded), "")


def tolerance(prose: str) -> str:
    """Return the comparison that a statement's words ask for: "numbers" where they speak of an error, else ""."""
    return "numbers" if phrase_in(prose, "tolerance") and re.search(r"10|0[.,]0|\\d\s*e-", prose) else ""


def without_examples(parts: Sequence[Section], kind: str) -> list[str]:
    """Say why a text without understood examples seems to have some; nothing where it does not."""
    if kind in ("interactive", "class", "sql", "shell"):
        return []
    named = next((part.heading for part in parts if part.label and part.label.is_example and part.heading), "")
    blocks = sum(isinstance(item, Code) for part in parts for item in part.items)
    tables = sum(isinstance(item, Table) for part in parts for item in part.items)
    has = [f"the label '{named[:40]}'"] if named else []
    has += [f"{blocks} code block{'s'[: blocks != 1]}"] if blocks else []
    has += [f"{tables} table{'s'[: tables != 1]}"] if tables else []
    if not has:
        text = " ".join(item.plain for part in parts for item in part.items if not isinstance(item, Code | Table))
        found = re.search(
            r"\b(?:[Ff]or example|e\.g\.|puzzle input)|例如|たとえば|예를 들어|например|por ejemplo|zum Beispiel", text
        )
        has = [f"the words '{found[0]}'"] if found else []
    return (
        [f"no usable examples: the text has {_joined(has)}, but no input with its output was understood"] if has else []
    )


def of_kind(kind: str) -> list[str]:
    """Say what `solve` cannot do for a kind of task."""
    what = {
        "interactive": "is interactive: its dialogue cannot be run, its examples are left out",
        "class": "asks for a class: programs are run with standard input, its examples are left out",
        "sql": "asks for an SQL query: programs are run with standard input, its examples are left out",
        "shell": "asks for a shell script: programs are run with standard input, its examples are left out",
    }
    return [f"this problem {what[kind]}"] if kind in what else []


def of_words(prose: str, document: Document, *, has_examples: bool) -> list[str]:
    """Warn of several right answers, of letters in any case and of pictures."""
    several = phrase_in(prose, "several")
    found = []
    if several and has_examples:
        found.append(f"the text says '{several}': a right program may print another output than the example's")
    letters = phrase_in(prose, "case")
    if letters and has_examples:
        found.append(f"the text says '{letters}': a right program may print capitals where the example does not")
    if document.pictures:
        count = document.pictures
        found.append(
            f"{count} picture{'s'[: count != 1]} of the text {'are' if count > 1 else 'is'} not seen by the models"
        )
    return found


def shortened(doubts: Sequence[str]) -> tuple[str, ...]:
    """Keep each sentence once, and the first few."""
    unique = list(dict.fromkeys(" ".join(doubt.split()) for doubt in doubts if doubt))
    return tuple(
        unique if len(unique) <= _MOST else [*unique[: _MOST - 1], f"and {len(unique) - _MOST + 1} doubts more"]
    )


def _joined(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
