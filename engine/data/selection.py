"""Tests of a task from a published record: line ends, duplicates, sizes and number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.data.converted import Options, Unusable
from engine.data.fields import clean
from engine.data.streams import Unread
from engine.problems import IOExample


@dataclass(frozen=True, slots=True)
class Selection:
    """Examples that prompts may show, hidden tests, and what was left out of them."""

    public: tuple[IOExample, ...]
    hidden: tuple[IOExample, ...]
    notes: tuple[str, ...]


def pair(inputs: Sequence[object], outputs: Sequence[object]) -> list[tuple[object, object]]:
    """Return inputs with their outputs. Raises Unusable if their numbers differ."""
    if len(inputs) != len(outputs):
        raise Unusable(f"it has {len(inputs)} test inputs and {len(outputs)} outputs")
    return list(zip(inputs, outputs, strict=True))


def select(
    public: Iterable[tuple[object, object]], hidden: Iterable[tuple[object, object]], options: Options
) -> Selection:
    """Return the tests in their order: each once, none of the public ones hidden, as many and as large as allowed.

    Where the record has public tests alone, all but the first become hidden: its statement shows them, but without them
    nothing would judge a program. Raises Unusable without a hidden test, and for a test that is no pair of texts.
    """
    shown, large_shown = _texts(public, options)
    judged, large = _texts(hidden, options)
    seen = set(shown)
    fresh = [test for test in judged if test not in seen]
    notes = []
    if not fresh and shown:
        fresh, shown = (shown[1:] or shown), (shown[:1] if len(shown) > 1 else [])
        notes.append("its hidden tests are examples of its statement")
    if not fresh:
        raise Unusable("all its tests are too large" if large or large_shown else "it has no test")
    kept = fresh[: options.max_tests]
    if len(kept) < len(fresh):
        notes.append(f"{len(fresh) - len(kept)} of {len(fresh)} hidden tests left out")
    if large:
        notes.append(f"{large} tests of more than {options.max_test_bytes / 1e6:g} MB left out")
    return Selection(tuple(shown), tuple(kept), tuple(notes))


def _texts(tests: Iterable[tuple[object, object]], options: Options) -> tuple[list[IOExample], int]:
    found: dict[IOExample, None] = {}
    large = 0
    for given, expected in tests:
        if any(isinstance(side, Unread) for side in (given, expected)):
            large += 1
            continue
        test = IOExample(_lines(given, "a test's input"), _lines(expected, "a test's output"))
        if len(test.input.encode()) + len(test.output.encode()) > options.max_test_bytes:
            large += 1
        else:
            found[test] = None
    return list(found), large


def _lines(side: object, what: str) -> str:
    """Return one side of a test: line feeds, and one at the end. Some sets give it as a list of lines."""
    if isinstance(side, list) and all(isinstance(line, str) for line in side):
        side = "\n".join(side)
    if isinstance(side, int | float) and not isinstance(side, bool):
        side = str(side)
    if not isinstance(side, str):
        raise Unusable(f"{what} is no text")
    text = clean(side, what)
    return text if text.endswith("\n") or not text else f"{text}\n"
