"""Feed of the wall: answers take turns on a wall smaller than a step, and stay long enough to be read."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.prompts import Role
from engine.rollouts.live_wall import LINGER_SECONDS, LiveFeed
from engine.rollouts.observer import Judgement, RolloutKey
from engine.runs.live import SLOTS, LiveReader, LiveSlot
from engine.sampling import Completion

HALF = SLOTS // 2


class Clock:
    """Clock that passes the interval between two rewrites of the wall at every call."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 0.1
        return self.seconds


class Wall:
    """Feed of a wall and a dashboard's view of it. A token stands for a letter."""

    def __init__(self, path: Path) -> None:
        self.clock, self.decoding_threads = Clock(), set[int]()
        self.feed, self._reader = LiveFeed(path, self._decode, self.clock), LiveReader(path)

    def _decode(self, ids: list[int]) -> str:
        self.decoding_threads.add(threading.get_ident())
        return "".join(map(chr, ids))

    def sample(self, answer: RolloutKey, text: str) -> None:
        self.feed.on_tokens(answer, [ord(letter) for letter in text])

    def end(self, answer: RolloutKey, text: str, *, finished: bool = True) -> None:
        completion = Completion("0/coder", answer.index, (1,) * len(text), (0.0,) * len(text), finished, text)
        self.feed.on_completion(answer, completion)

    def slots(self) -> tuple[LiveSlot, ...]:
        self.feed.writer.flush()
        view = self._reader.read()
        assert view is not None
        return view.slots


def program(number: int, task: str = "sum") -> RolloutKey:
    return RolloutKey(task, Role.CODER, number)


def unit_test(number: int) -> RolloutKey:
    return RolloutKey("sum", Role.TESTER, number)


@pytest.fixture
def wall(tmp_path: Path) -> Wall:
    wall = Wall(tmp_path / "live")
    wall.feed.start_phase("sample", 100)
    return wall


def test_an_answer_is_told_from_its_first_token_to_its_verdict(wall: Wall) -> None:
    wall.sample(program(3), "pri")
    assert wall.slots() == (LiveSlot(0, "coder", "sum", "pri", 3, "sampling"),)
    wall.sample(program(3), "nt")
    wall.end(program(3), "print")
    assert wall.slots() == (LiveSlot(0, "coder", "sum", "print", 5, "done"),)
    wall.feed.on_judgement(program(3), Judgement("wrong", 3, 8))
    assert wall.slots() == (LiveSlot(0, "coder", "sum", "print", 5, "done", "wrong", 3, 8),)


def test_an_answer_that_was_cut_off_stays_so_when_it_is_judged(wall: Wall) -> None:
    wall.sample(unit_test(0), "x")
    wall.end(unit_test(0), "x", finished=False)
    wall.feed.on_judgement(unit_test(0), Judgement("malformed"))
    (slot,) = wall.slots()
    assert (slot.slot, slot.state, slot.verdict) == (HALF, "truncated", "malformed")


def test_roles_have_their_own_half_and_what_has_no_place_waits(wall: Wall) -> None:
    for number in range(HALF + 4):
        wall.sample(program(number), "a")
    wall.sample(unit_test(0), "b")
    assert [slot.role for slot in wall.slots()] == ["coder"] * HALF + ["tester"]


def test_an_answer_that_waits_takes_the_place_of_the_one_at_rest_longest(wall: Wall) -> None:
    for number in range(HALF):
        wall.sample(program(number), "a")
    for number in (5, 2):
        wall.end(program(number), "a")
    waiting = program(HALF)
    wall.sample(waiting, "first ")
    assert not [slot for slot in wall.slots() if slot.tail.startswith("first")], "verdicts are to be read"
    wall.clock.seconds += LINGER_SECONDS
    wall.sample(waiting, "second")
    places = {slot.slot: slot for slot in wall.slots()}
    assert (places[5].tail, places[5].tokens) == ("first second", 12)
    assert places[2].state == "done"


def test_a_new_phase_needs_no_waiting(wall: Wall) -> None:
    for number in range(HALF):
        wall.sample(program(number), "a")
        wall.end(program(number), "a")
    wall.feed.start_phase("update", 0)
    assert {slot.state for slot in wall.slots()} == {"done"}, "the last answers stay while nothing is sampled"
    wall.feed.start_phase("sample", 100)
    wall.sample(program(0, "product"), "b")
    assert [slot.task for slot in wall.slots()].count("product") == 1


def test_a_verdict_that_comes_after_its_phase_is_seen_at_once(tmp_path: Path) -> None:
    wall = Wall(tmp_path / "live")
    wall.feed.writer.interval = 1e9  # no other rewrite is due
    wall.feed.start_phase("sample", 1)
    wall.sample(program(0), "a")
    wall.end(program(0), "a")
    wall.feed.start_phase("update", 0)
    wall.feed.on_judgement(program(0), Judgement("correct", 8, 8))
    view = LiveReader(tmp_path / "live").read()
    assert view is not None
    assert view.slots[0].verdict == "correct"


def test_a_task_that_comes_again_starts_anew_in_its_place(wall: Wall) -> None:
    wall.sample(program(0), "old")
    wall.end(program(0), "old")
    wall.feed.on_judgement(program(0), Judgement("correct", 8, 8))
    wall.sample(program(0), "n")
    assert wall.slots() == (LiveSlot(0, "coder", "sum", "n", 1, "sampling"),)


def test_every_answer_counts_whether_it_is_shown_or_not(wall: Wall, tmp_path: Path) -> None:
    for number in range(HALF + 4):
        wall.sample(program(number), "a")
        wall.end(program(number), "a")
    wall.slots()
    view = LiveReader(tmp_path / "live").read()
    assert view is not None
    assert (view.done, view.total) == (HALF + 4, 100)


def test_verdicts_of_other_threads_never_meet_the_tokenizer(wall: Wall) -> None:
    wall.sample(program(0), "a")
    wall.end(program(0), "a")
    wall.sample(program(1), "b")
    judge = threading.Thread(target=wall.feed.on_judgement, args=(program(0), Judgement("correct", 8, 8)))
    judge.start()
    judge.join()
    assert wall.decoding_threads == {threading.get_ident()}
    assert wall.slots()[0].verdict == "correct"


def test_an_answer_that_comes_whole_is_waited_for_until_then(wall: Wall) -> None:
    wall.sample(program(0), "")
    wall.clock.seconds += 12
    wall.sample(program(0), "")
    (slot,) = wall.slots()
    assert (slot.state, slot.tail, slot.waiting) == ("sampling", "", 12)
    wall.sample(program(0), "print(1)")
    wall.end(program(0), "print(1)")
    (slot,) = wall.slots()
    assert (slot.state, slot.tail, slot.waiting) == ("done", "print(1)", 0)
