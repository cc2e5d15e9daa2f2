"""Search for rollouts in a thread of its own, and update of its result while the archive changes.

This module is independent of Textual: it reports progress to a callback, in the searching thread.
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
    """Result of a query. ids: the matching rollouts in its order; written: time of writing of each searched step."""

    query: Query
    ids: array[int]
    written: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """Report of a search. number: of the search, so that the receiver can ignore reports of an earlier one.

    count: ids in the listing at the time of the report; more may have been added since. fault: for the user, why the
    search failed.
    """

    number: int
    listing: Listing
    count: int
    done: bool
    fault: str = ""


def renew(reader: ArchiveReader, old: Listing) -> Listing | None:
    """Update `old` by reading only the new steps; return None if that is not enough.

    It is enough while steps are added at the end (training) and dropped at the beginning (retention). After a resume,
    or in another order than by step, everything must be searched again.
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
    """Search of one archive, one query at a time: a new search ends the former one.

    Threads: call start, renew and stop from one thread; `tell` is called in the searching thread.
    """

    def __init__(self, archive: Path, tell: Callable[[SearchProgress], None]) -> None:
        self._archive, self._tell = archive, tell
        self._number = 0
        self._lock = threading.Lock()
        self._at_work: ArchiveReader | None = None

    def start(self, query: Query) -> int:
        """Start a search that reports while it finds; return its number."""
        return self._run(lambda number: self._search(number, query, report=True))

    def renew(self, listing: Listing) -> int:
        """Start an update of a listing that reports once, at its end; return its number."""
        return self._run(lambda number: self._renew(number, listing))

    def stop(self) -> None:
        """End the current search; it reports nothing more."""
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
        # Steps written meanwhile are left to the next `renew`, which would otherwise list them twice.
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
    """Cut off the rollouts of dropped steps: the oldest ones, so they stand together at one end of the list."""
    low, high = 0, len(ids)  # bisection for the number that is left: the newest `low` rollouts exist
    while low < high:
        middle = (low + high + 1) // 2
        oldest = ids[middle - 1] if newest_first else ids[len(ids) - middle]
        low, high = (middle, high) if reader.rollouts([oldest]) else (low, middle - 1)
    return ids[:low] if newest_first else ids[len(ids) - low :]
