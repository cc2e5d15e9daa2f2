"""Converters of published sets, one file each: a record of the set becomes a task, or is unusable for a reason.

A new set is a file with two functions and a line in KINDS:

    identify(fields)           id of the record: the set's short name and its own id, the same in every release
    convert(fields, options)   the task with its tests and references; raises Unusable with the reason
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.data.converted import Kept, Options
from engine.data.fields import Fields
from engine.data.kinds import (
    apps,
    codecontests,
    codeforces,
    cure,
    humaneval,
    livebench,
    livecodebench,
    mbpp,
    mbpp_sanitized,
    nano,
    taco,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """Converter of one set's records."""

    identify: Callable[[Fields], str]
    convert: Callable[[Fields, Options], Kept]


KINDS: Mapping[str, Kind] = {
    "cure": Kind(cure.identify, cure.convert),
    "mbpp": Kind(mbpp.identify, mbpp.convert),
    "mbpp-sanitized": Kind(mbpp_sanitized.identify, mbpp_sanitized.convert),
    "humaneval": Kind(humaneval.identify, humaneval.convert),
    "livecodebench": Kind(livecodebench.identify, livecodebench.convert),
    "livebench": Kind(livebench.identify, livebench.convert),
    "codecontests": Kind(codecontests.identify, codecontests.convert),
    "codeforces": Kind(codeforces.identify, codeforces.convert),
    "apps": Kind(apps.identify, apps.convert),
    "taco": Kind(taco.identify, taco.convert),
    "nano": Kind(nano.identify, nano.convert),
}
