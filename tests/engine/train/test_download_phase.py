"""Download in the run's journal and in its live file, for the bars of both views."""

from __future__ import annotations

from pathlib import Path

from engine.models.download_progress import DownloadProgress
from engine.runs.events import EventKind
from engine.runs.journal import JournalWriter, read_journal
from engine.runs.live import LiveReader
from engine.train.download_phase import DownloadPhase


def test_a_download_is_a_phase_with_a_bar(tmp_path: Path) -> None:
    live = LiveReader(tmp_path / "live")
    with JournalWriter(tmp_path / "journal") as journal:
        journal.run_started(preset="qwen3-4b", steps=1, seed=0)
        with DownloadPhase(journal, tmp_path / "live") as told:
            told(DownloadProgress("some/model", 1_000_000_000, 4_000_000_000))
            told(DownloadProgress("some/model", 3_000_000_000, 8_000_000_000))
            view = live.read()
            assert view is not None
            assert (view.phase, view.done, view.total) == ("download", 3000, 8000)
    events = read_journal(tmp_path / "journal")[1:]
    assert [event.kind for event in events] == [
        EventKind.PHASE_STARTED,
        EventKind.NOTICE,
        EventKind.PHASE_FINISHED,
    ]
    assert events[0].data == {"phase": "download", "total": 4000, "unit": "MB"}
    assert events[1].data["text"] == "downloading some/model: 1,000 of 4,000 MB (25%)"
    assert live.read() is None


def test_a_model_that_is_here_leaves_no_trace(tmp_path: Path) -> None:
    with JournalWriter(tmp_path / "journal") as journal, DownloadPhase(journal, tmp_path / "live"):
        pass
    assert read_journal(tmp_path / "journal") == []
    assert not (tmp_path / "live").exists()
