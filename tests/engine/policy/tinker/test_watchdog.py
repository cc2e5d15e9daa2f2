"""Watchdog of a server: what ends a run, and what is waited out, told apart by how a health request fails."""

from __future__ import annotations

import pytest

from engine.policy.tinker.faults import ServerSaid
from engine.policy.tinker.watchdog import EVERY_SECONDS, MISSES, SILENT_SECONDS, HealthRecord
from engine.servers.client import RequestFault, Trouble

NOBODY_LISTENS = RequestFault(Trouble.NO_CONNECTION, "All connection attempts failed")
CLOSED = RequestFault(Trouble.BROKEN, "Server disconnected without sending a response.")  # a tunnel without its server
NO_ANSWER = RequestFault(Trouble.TOO_SLOW, "no answer within 10 s")
NO_ROUTE = RequestFault(Trouble.NO_CONNECTION, "[Errno 113] No route to host")
DOWN = ServerSaid(503, "down")


def seconds_until_lost(*faults: RequestFault | ServerSaid | None) -> float | None:
    """Return when a server counts as lost whose health requests end so, None for one that is answered."""
    record = HealthRecord(0.0)
    for number, fault in enumerate(faults, start=1):
        now = number * EVERY_SECONDS
        if fault is None:
            record.answered(now)
        elif record.failed(fault, now):
            return now
    return None


@pytest.mark.parametrize("fault", [NOBODY_LISTENS, CLOSED, DOWN])
def test_a_server_that_is_gone_is_lost_after_three_refusals(fault: RequestFault | ServerSaid) -> None:
    assert seconds_until_lost(*[fault] * 99) == MISSES * EVERY_SECONDS <= 60
    assert seconds_until_lost(*[fault, fault, None] * 33) is None


@pytest.mark.parametrize("fault", [NO_ANSWER, NO_ROUTE])
def test_a_network_cut_of_two_minutes_is_waited_out_but_not_for_ever(fault: RequestFault) -> None:
    cut = [fault] * 12
    assert seconds_until_lost(None, *cut, None, *cut, None) is None
    lost = seconds_until_lost(*[fault] * 99)
    assert lost is not None
    assert SILENT_SECONDS < lost < 300, "after five minutes the server drops the models of a silent client"
