"""Journal: each line is there whole or not at all, also after a SIGKILL."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from engine.errors import RunError
from engine.runs.events import EventKind, decode_event, to_json
from engine.runs.journal import JournalReader, JournalWriter, read_ends, read_journal


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def started(path: Path, **options: object) -> JournalWriter:
    writer = JournalWriter(path, **options)  # type: ignore[arg-type]
    writer.run_started(preset="nano", steps=5, seed=1)
    return writer


def test_an_event_is_readable_as_soon_as_append_returns(path: Path) -> None:
    reader = JournalReader(path)
    assert reader.poll() == []
    with started(path) as writer:
        assert [event.kind for event in reader.poll()] == ["run_started"]
        writer.step_finished(1, {"coder/accuracy": 0.5})
        (event,) = reader.poll()
        assert (event.kind, event.step, event.data) == (
            "step_finished",
            1,
            {"metrics": {"coder/accuracy": 0.5}},
        )
        assert reader.poll() == []


def test_a_journal_starts_with_run_started_and_has_one(path: Path) -> None:
    with JournalWriter(path) as writer:
        with pytest.raises(ValueError, match="starts with run_started"):
            writer.notice("too early")
        writer.run_started(preset="nano", steps=5, seed=1)
        with pytest.raises(ValueError, match="no second one"):
            writer.run_started(preset="nano", steps=5, seed=1)
    assert read_journal(path)[0].data["version"] == 1


def test_numbers_that_are_not_finite_become_null(path: Path) -> None:
    with started(path) as writer:
        writer.step_finished(1, {"a": float("nan"), "b": np.float32("inf"), "c": np.int64(3), "d": np.bool_(True)})
    assert read_journal(path)[-1].data == {"metrics": {"a": None, "b": None, "c": 3, "d": True}}


def test_what_has_no_json_form_is_refused() -> None:
    assert to_json({"kind": EventKind.NOTICE, "pair": (1, 2.5)}) == {"kind": "notice", "pair": [1, 2.5]}
    with pytest.raises(TypeError, match="an event cannot hold"):
        to_json({"a": object()})


def test_a_torn_last_line_is_the_end_of_the_file(path: Path) -> None:
    reader = JournalReader(path)
    with started(path) as writer:
        writer.notice("whole")
    line = b'{"kind":"notice","step":null,"seconds":1,"time":2,"data":{"text":"late"}}\n'
    with open(path, "ab", buffering=0) as file:
        file.write(line[:20])
        assert len(reader.poll()) == 2
        assert reader.poll() == []
        file.write(line[20:])
    (late,) = reader.poll()
    assert late.data == {"text": "late"}
    assert reader.skipped == 0


def test_going_on_cuts_a_torn_line_off(path: Path) -> None:
    reader = JournalReader(path)
    started(path).close()
    with open(path, "ab") as file:
        file.write(b'{"kind":"notice","st')
    assert len(reader.poll()) == 1
    with JournalWriter(path) as writer:
        writer.resumed(from_step=1, steps=5)
    assert [event.kind for event in reader.poll()] == ["resumed"]
    assert [event.kind for event in read_journal(path)] == ["run_started", "resumed"]


@pytest.mark.parametrize(
    "garbage", [b"\x00\xff garbage\n", b"[1, 2]\n", b'{"kind": 3}\n', b"\r\n", b"[" * 100_000 + b"\n"]
)
def test_a_damaged_line_in_the_middle_is_skipped_and_counted(path: Path, garbage: bytes) -> None:
    started(path).close()
    with open(path, "ab") as file:
        file.write(garbage)
    with JournalWriter(path) as writer:
        writer.notice("after")
    reader = JournalReader(path)
    assert [event.kind for event in reader.poll()] == ["run_started", "notice"]
    assert reader.skipped == 1


def test_a_damaged_first_line_does_not_lose_the_rest(path: Path) -> None:
    with started(path) as writer:
        writer.notice("kept")
    path.write_bytes(b"?" + path.read_bytes())
    assert [event.kind for event in read_journal(path)] == ["notice"]
    with JournalWriter(path) as writer:
        writer.notice("goes on")


def test_a_journal_of_another_version_is_refused_with_a_remedy(path: Path) -> None:
    started(path).close()
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":2'))
    reader = JournalReader(path)
    for open_it in (reader.poll, reader.poll, lambda: JournalWriter(path), lambda: read_ends(path)):
        with pytest.raises(RunError, match="version 2") as caught:
            open_it()
        assert caught.value.remedy


def test_seconds_stand_still_between_a_kill_and_a_resume(path: Path) -> None:
    clock = Clock()
    with started(path, clock=clock) as writer:
        clock.seconds = 10.0
        writer.notice("at 10")
    clock.seconds = 1000.0
    with JournalWriter(path, clock=clock) as writer:
        clock.seconds = 1002.5
        writer.resumed(from_step=1, steps=5)
    assert [event.seconds for event in read_journal(path)] == [0.0, 10.0, 12.5]


def test_polling_with_a_limit_reads_everything_in_order_once(path: Path) -> None:
    with started(path) as writer:
        for number in range(1, 100):
            writer.notice(str(number) + "x" * 5000)  # more than one chunk of the reader
    reader = JournalReader(path)
    batches = []
    while batch := reader.poll(limit=7):
        batches.append(batch)
    assert max(map(len, batches)) == 7
    assert [event.data.get("text") for batch in batches for event in batch][1:] == [
        str(number) + "x" * 5000 for number in range(1, 100)
    ]


def test_progress_of_finished_steps_is_left_out_but_nothing_damaged(path: Path) -> None:
    with started(path) as writer:
        for step in (1, 2):
            writer.phase_started(step, "sample")
            writer.heartbeat(step, done=1)
            writer.notice("stays", step=step)
            writer.step_finished(step, {})
        writer.phase_started(3, "sample")
    with open(path, "ab") as file:
        file.write(b'{"kind":"heartbeat","st\n{"kind":"step_finished","step":null,"seconds":1,"time":1,"data":{}}\n')
    reader = JournalReader(path)
    kinds = [str(event.kind) for event in reader.poll(stale=False)]
    assert kinds == ["run_started", *["notice", "step_finished"] * 2, "phase_started", "step_finished"]
    assert reader.skipped == 1


def test_a_line_longer_than_the_readers_chunk_is_read(path: Path) -> None:
    with started(path) as writer:
        writer.notice("x" * 1_000_000)
    assert len(str(read_journal(path)[1].data["text"])) == 1_000_000
    first, tail, is_corrupt = read_ends(path)
    assert first is not None
    assert not is_corrupt
    assert len(tail) == 2


def test_the_ends_of_a_long_journal_are_read_without_its_middle(path: Path) -> None:
    with started(path) as writer:
        for step in range(1, 3000):
            writer.step_finished(step, {"a": step})
    first, tail, is_corrupt = read_ends(path, tail_bytes=4096)
    assert first is not None
    assert not is_corrupt
    assert first.kind == "run_started"
    assert tail[-1].step == 2999
    assert len(tail) < 100


def test_odd_text_survives(path: Path) -> None:
    text = "lone \ud800, line\u2028separator, nul \x00, ünïcode, \r\n"
    with started(path) as writer:
        writer.notice(text)
    assert read_journal(path)[1].data["text"] == text


def test_a_full_disk_is_one_error_and_leaves_no_torn_line(small_disk: Path, fill_disk: Callable[[Path], None]) -> None:
    path = small_disk / "events.jsonl"
    with started(path) as writer:
        fill_disk(small_disk)
        with pytest.raises(RunError, match="is full") as caught:
            writer.notice("x" * 100_000)
        assert "cure-tui resume" in caught.value.remedy
        assert path.read_bytes().endswith(b"\n")
        (small_disk / "filler").unlink()
        writer.run_failed(1, error=caught.value.message)
    assert read_journal(path)[-1].kind == "run_failed"


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from engine.runs.journal import JournalWriter
with JournalWriter(Path(sys.argv[1])) as writer:
    if not Path(sys.argv[1]).stat().st_size:
        writer.run_started(preset="nano", steps=10**6, seed=0)
    for step in range(10**6):
        writer.step_finished(step, {"a": 1.0})
        if step in (100, 1000, 5000): print(step, flush=True)
"""


def test_a_killed_writer_loses_no_event_it_was_told_is_written(path: Path, start_python: Callable[..., object]) -> None:
    for last in (100, 1000, 5000):
        writer = start_python(WRITE_FOR_EVER, path)
        while (said := int(writer.stdout.readline())) != last:  # type: ignore[attr-defined]
            assert said < last
        writer.send_signal(signal.SIGKILL)  # type: ignore[attr-defined]
        writer.wait()  # type: ignore[attr-defined]
    reader = JournalReader(path)
    steps = [event.step for event in reader.poll() if event.kind == "step_finished"]
    starts = [place for place, step in enumerate(steps) if step == 0]
    lengths = [end - start for start, end in zip(starts, [*starts[1:], len(steps)], strict=True)]
    assert [length > last for length, last in zip(lengths, (100, 1000, 5000), strict=True)] == [True] * 3
    assert reader.skipped == 0


def test_a_line_that_is_no_event_decodes_to_nothing() -> None:
    assert decode_event(b'{"kind":"a","step":"1","seconds":0,"time":0,"data":{}}') is None
    assert decode_event(b'{"kind":"a","step":null,"seconds":"0","time":0,"data":{}}') is None
