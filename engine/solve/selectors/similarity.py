"""Similarity of texts by their words: BLEU (Papineni et al., ACL 2002), which compares runs of one to four words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from engine.reward.pass_matrix import FloatArray

_LONGEST = 4


def mean_similarity(texts: Sequence[str]) -> FloatArray:
    """Return the mean BLEU of each text against every other one, (n,); 1 for a text without others."""
    return np.array(
        [
            _mean([bleu(text, other) for place, other in enumerate(texts) if place != own])
            for own, text in enumerate(texts)
        ],
        dtype=np.float64,
    )


def mean_equality(tests: Sequence[tuple[str, str]]) -> FloatArray:
    """Return the share of the other tests that equal each one, (m,); 1 for a test without others."""
    counts = Counter(tests)
    return np.array([(counts[test] - 1) / (len(tests) - 1) if len(tests) > 1 else 1.0 for test in tests])


@lru_cache(maxsize=1 << 16)
def bleu(text: str, reference: str) -> float:
    """Return the BLEU of a text against one reference, from 0 to 1, unsmoothed; words are separated by white space.

    It is the geometric mean of the clipped precisions of runs of 1 to 4 words (of fewer, where the text is shorter),
    times exp(1 - r / c) for a text of c words that is shorter than its reference of r.
    """
    words, wanted = text.split(), reference.split()
    longest = min(_LONGEST, len(words))
    if not longest:
        return float(not wanted)
    logarithms = 0.0
    for length in range(1, longest + 1):
        runs, known = _runs(text, length), _runs(reference, length)
        hits = sum(min(count, known[run]) for run, count in runs.items())
        if not hits:
            return 0.0
        logarithms += math.log(hits / runs.total())
    return math.exp(logarithms / longest + min(0.0, 1 - len(wanted) / len(words)))


@lru_cache(maxsize=1 << 12)
def _runs(text: str, length: int) -> Counter[tuple[str, ...]]:
    words = text.split()
    return Counter(zip(*(words[start:] for start in range(length)), strict=False))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 1.0
