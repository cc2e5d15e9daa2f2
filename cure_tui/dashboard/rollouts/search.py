"""Finds the rollouts of a query in a thread of its own and keeps the finding up to date while the archive changes.

Nothing here knows Textual: progress goes to a callback, in the searching thread.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from cure_tui.dashboard.rollouts.query import Query
from engine.errors import RunError
from engine.runs.archive_filter import Order, RolloutFilter
from engine.runs.archive_reader import ArchiveReader

_SECONDS_BETWEEN_REPORTS = 0.05


@dataclass(frozen=True, slots=True)
class Listing:
    """What a query found. ids: of the matching rollouts in its order; written: when the searched steps were written."""

    query: Query
    ids: array[int]
    written: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Report of a search. number: of the search, so that the news of a former one can be told apart.

    count: how many ids of the listing there were when this was said; more may have come since. fault: why nothing
    can be found, for the user.
    """

    number: int
    listing: Listing
    count: int
    done: bool
    fault: str = ""


def renew(reader: ArchiveReader, old: Listing) -> Listing | None:
    """`old` brought up to date by reading nothing but the steps that are new; None where that is not enough.

    It is enough while steps are added after the last and dropped before the first, which is what training and
    retention do. After a resume, or in another order than by step, everything has to be searched again.
    """
    now = reader.written()
    if now == old.written:
        return old
    lost = {step for step, when in old.written.items() if now.get(step) != when}
    new = {step for step, when in now.items() if old.written.get(step) != when}
    kept = old.written.keys() - lost
    in_place = bool(kept) and (not lost or max(lost) < min(kept)) and (not new or min(new) > max(kept))
    if not in_place or not old.query.order.by_step:
        return None
    newest_first = old.query.order is Order.NEWEST
    ids = old.ids
    if lost:
        ids = _without_lost(reader, ids, newest_first=newest_first)
    added: array[int] = array("q")
    if new:
        wanted = old.query.filter()
        first = min(new) if wanted.first_step is None else max(min(new), wanted.first_step)
        for page in reader.pages(_up_to(replace(wanted, first_step=first), max(now)), old.query.order):
            added.extend(page)
    return Listing(old.query, added + ids if newest_first else ids + added, now)


class RolloutSearch:
    """Searches one archive, one query at a time: a new search ends the one before. Threads: start, renew and stop
    are called from one; `tell` is called in the searching one."""

    def __init__(self, archive: Path, tell: Callable[[SearchProgress], None]) -> None:
        self._archive, self._tell = archive, tell
        self._number = 0
        self._lock = threading.Lock()
        self._at_work: ArchiveReader | None = None

    def start(self, query: Query) -> int:
        """Searches afresh and reports while it finds; the number of the search."""
        return self._run(lambda number: self._search(number, query, report=True))

    def renew(self, listing: Listing) -> int:
        """Brings a listing up to date and reports once it is; the number of the search."""
        return self._run(lambda number: self._renew(number, listing))

    def stop(self) -> None:
        """Ends what is at work; it says nothing more."""
        with self._lock:
            self._number += 1
            if self._at_work is not None:
                self._at_work.stop()

    def _run(self, work: Callable[[int], None]) -> int:
        self.stop()
        number = self._number
        threading.Thread(target=work, args=(number,), name="rollout search", daemon=True).start()
        return number

    def _renew(self, number: int, listing: Listing) -> None:
        def work(reader: ArchiveReader) -> None:
            renewed = renew(reader, listing)
            if renewed is None:
                self._find(reader, number, listing.query, report=False)
            else:
                self._say(SearchProgress(number, renewed, len(renewed.ids), done=True))

        self._with_reader(number, listing.query, work)

    def _search(self, number: int, query: Query, *, report: bool) -> None:
        self._with_reader(number, query, lambda reader: self._find(reader, number, query, report=report))

    def _find(self, reader: ArchiveReader, number: int, query: Query, *, report: bool) -> None:
        written = reader.written()
        ids: array[int] = array("q")
        listing = Listing(query, ids, written)
        said = 0.0
        # What arrives while this runs is left to the next `renew`, which would list it twice otherwise.
        for page in reader.pages(_up_to(query.filter(), max(written, default=0)), query.order):
            if number != self._number:
                return
            ids.extend(page)
            if report and ids and time.monotonic() - said > _SECONDS_BETWEEN_REPORTS:
                said = time.monotonic()
                self._say(SearchProgress(number, listing, len(ids), done=False))
        self._say(SearchProgress(number, listing, len(ids), done=True))

    def _with_reader(self, number: int, query: Query, work: Callable[[ArchiveReader], None]) -> None:
        try:
            with closing(ArchiveReader(self._archive)) as reader:
                with self._lock:
                    if number != self._number:
                        return
                    self._at_work = reader
                try:
                    work(reader)
                finally:
                    with self._lock:
                        if self._at_work is reader:
                            self._at_work = None
        except RunError as error:
            self._say(SearchProgress(number, Listing(query, array("q"), {}), 0, done=True, fault=str(error)))

    def _say(self, progress: SearchProgress) -> None:
        if progress.number == self._number:
            self._tell(progress)


def _up_to(wanted: RolloutFilter, step: int) -> RolloutFilter:
    return replace(wanted, last_step=step if wanted.last_step is None else min(step, wanted.last_step))


def _without_lost(reader: ArchiveReader, ids: array[int], *, newest_first: bool) -> array[int]:
    """Without the rollouts of dropped steps, which are the oldest and so stand together at one end of the list."""
    low, high = 0, len(ids)  # how many are left, as a bisection: the k newest are there
    while low < high:
        middle = (low + high + 1) // 2
        oldest = ids[middle - 1] if newest_first else ids[len(ids) - middle]
        low, high = (middle, high) if reader.rollouts([oldest]) else (low, middle - 1)
    return ids[:low] if newest_first else ids[len(ids) - low :]
