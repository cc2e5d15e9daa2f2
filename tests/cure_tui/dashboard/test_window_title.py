"""Title of the terminal: the important first, harmless for any name of a run, restored at the end."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from cure_tui.dashboard.run.title import title_of
from cure_tui.dashboard.window_title import title_codes, title_kept
from cure_tui.runs.watcher import Snapshot
from engine.runs.events import Event
from engine.runs.inbox import Command
from engine.runs.listing import RunCondition
from engine.runs.state import RunState, reduce, replay


def event(kind: str, step: int | None, **data: object) -> Event:
    return Event(kind, step, 0.0, 0.0, data)  # type: ignore[arg-type]


STATE: RunState = replay(
    [
        event("run_started", None, version=1, preset="nano", steps=220, seed=0),
        *(event("step_finished", step, metrics={"kl": 0.6, "loss": 0.1}) for step in range(8, 13)),
    ]
)
LIVE = Snapshot(Path("nano-abc"), RunCondition.LIVE, STATE, loading=False)


@pytest.mark.parametrize(
    ("snapshot", "title"),
    [
        (LIVE, "12/220 live nano-abc"),
        (replace(LIVE, pending=(Command.PAUSE,)), "12/220 pausing after this phase nano-abc"),
        (replace(LIVE, state=reduce(STATE, event("paused", 12))), "12/220 paused nano-abc"),
        (replace(LIVE, condition=RunCondition.FINISHED), "12/220 finished nano-abc"),
        (replace(LIVE, condition=RunCondition.CRASHED), "! crashed 12/220 nano-abc"),
        (replace(LIVE, condition=RunCondition.FAILED), "! failed 12/220 nano-abc"),
    ],
)
def test_the_title_tells_progress_and_state_or_what_is_wrong(snapshot: Snapshot, title: str) -> None:
    assert title_of(snapshot) == title


def test_an_evaluation_under_way_shows_its_share() -> None:
    begun = event("phase_started", 12, phase="evaluate heldout", total=640, unit="answers")
    state = replay([begun, event("heartbeat", 12, done=160, total=640, sampled=100)], STATE)
    assert title_of(replace(LIVE, state=state)) == "12/220 eval 25% live nano-abc"
    assert title_of(replace(LIVE, state=state, condition=RunCondition.STOPPED)) == "12/220 stopped nano-abc"


def test_a_figure_out_of_bounds_is_in_the_title_as_long_as_it_is() -> None:
    assert title_of(LIVE, kl_bound=0.5) == "! KL 0.600 12/220 nano-abc"
    calmer = replay([event("step_finished", step, metrics={"kl": 0.4}) for step in (13, 14, 15)], STATE)
    assert title_of(replace(LIVE, state=calmer), kl_bound=0.5) == "15/220 live nano-abc"
    broken = reduce(STATE, event("step_finished", 13, metrics={"loss": None}))
    assert title_of(replace(LIVE, state=broken)) == "! update not finite 13/220 nano-abc"


def test_a_name_cannot_end_the_title_and_command_the_terminal() -> None:
    assert title_codes("a\x07\x1b]52;c;eA==\x07b\n") == "\x1b]2;a··]52;c;eA==·b·\x07"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_title_is_put_back_even_after_a_crash() -> None:
    terminal = Terminal()
    with pytest.raises(ZeroDivisionError), title_kept(terminal):
        raise ZeroDivisionError
    assert terminal.getvalue() == "\x1b[22;2t\x1b[23;2t"


def test_what_is_no_terminal_gets_no_codes() -> None:
    pipe = io.StringIO()
    with title_kept(pipe):
        pass
    assert pipe.getvalue() == ""
