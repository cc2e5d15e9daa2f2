"""Download of a model from a fake hub: every fault is one line with a command as remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save

from engine.machine.model_folders import cache_fault, cached_snapshot, folder_fault
from engine.models.download_progress import DownloadProgress, progress_bars
from tests.engine.models.fake_hub import COMMIT, WEIGHTS, fake_hub

ROOT = Path(__file__).parents[3]

# One process for all: the hub's client reads its address when it is imported, and importing it takes seconds.
SCRIPT = """\
import json, sys
from huggingface_hub import constants
from engine.errors import EnvironmentError_
from engine.models import model_files

constants.DOWNLOAD_CHUNK_SIZE = 1 << 16
results = {}
for name in sys.argv[1:]:
    reports = []
    try:
        tell = lambda progress: reports.append([progress.done, progress.total])
        folder = model_files.locate_model(name, on_progress=tell, report_seconds=0.0)
        again = model_files.locate_model(name, allow_download=False)
        results[name] = {"folder": str(folder), "again": str(again), "reports": reports}
    except EnvironmentError_ as error:
        results[name] = {"message": error.message, "remedy": error.remedy, "reports": reports}
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], list[str], Path]]:
    """Run `locate_model` on each model of the fake hub; yield its answers, the requested ranges, and the cache."""
    import numpy

    files = {
        "config.json": b"{}",
        "tokenizer.json": b"{}",
        "README.md": b"not needed",
        WEIGHTS: save({"weight": numpy.zeros(250_000, dtype=numpy.float32)}),
    }
    home = tmp_path_factory.mktemp("hub")
    with fake_hub(files) as hub:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "PYTHONPATH": str(ROOT)}
        names = [f"{kind}/model" for kind in ("open", "gated", "missing", "cut", "broken")]
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, *names], env=environment, capture_output=True, text=True, timeout=200
        )
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout.splitlines()[-1]), hub.ranges, home / "hub"


@pytest.mark.slow
def test_a_download_tells_its_bytes_and_ends_in_the_cache(fetched: tuple[dict[str, Any], list[str], Path]) -> None:
    result = fetched[0]["open/model"]
    done = [report[0] for report in result["reports"]]
    assert done == sorted(done)
    assert done[-1] == result["reports"][-1][1] > 1_000_000
    assert len(set(done)) > 5
    assert result["folder"].endswith(COMMIT)
    assert not (Path(result["folder"]) / "README.md").exists()
    assert result["again"] == result["folder"]  # without the network: excluded files do not count as missing


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "says", "command"),
    [
        ("gated/model", "is gated", "hf auth login"),
        ("missing/model", "the hub has no model missing/model", "check model.source"),
        ("broken/model", "the download of broken/model was interrupted", "hf download broken/model"),
    ],
)
def test_a_fault_of_the_hub_is_a_line_and_the_command_that_mends_it(
    name: str, says: str, command: str, fetched: tuple[dict[str, Any], list[str], Path]
) -> None:
    result = fetched[0][name]
    assert says in result["message"]
    assert command in result["remedy"]
    assert "\n" not in result["message"] + result["remedy"]


@pytest.mark.slow
def test_a_cut_connection_is_resumed_where_it_broke(fetched: tuple[dict[str, Any], list[str], Path]) -> None:
    results, ranges, _ = fetched
    assert results["cut/model"]["folder"].endswith(COMMIT)
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in ranges]
    assert any(start > 100_000 for start in starts)


@pytest.mark.slow
def test_a_broken_download_is_seen_in_the_cache(
    fetched: tuple[dict[str, Any], list[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(fetched[2]))
    assert cache_fault("broken/model") == "has no weights (*.safetensors)"
    assert cache_fault("open/model") == cache_fault("missing/model") == ""


def test_a_half_downloaded_model_is_told_from_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--some--model"
    assert cache_fault("some/model") == ""
    blobs = repository / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "abc.1234.incomplete").write_bytes(b"0" * 2_000_000)
    assert cache_fault("some/model") == "has 2 MB of 1 partly downloaded files"
    snapshot = repository / "snapshots" / COMMIT
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    assert cached_snapshot("some/model") == snapshot
    for name in ("config.json", "tokenizer.json", "model-1.safetensors"):
        (snapshot / name).write_text("{}")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    assert cache_fault("some/model") == "lacks 1 of 2 weight files, the first is model-2.safetensors"
    (snapshot / "model-2.safetensors").touch()
    assert folder_fault(snapshot) == ""


def test_reports_come_at_intervals_and_once_at_the_end() -> None:
    told: list[DownloadProgress] = []
    with progress_bars("some/model", told.append, seconds=3600) as bar_class:
        bar_class(desc="Reconstructing (incomplete total...)", total=4_000_000, unit="B").update(1_000_000)
    assert told == []  # it ended before the first report was due
    with progress_bars("some/model", told.append, seconds=0) as bar_class:
        files = bar_class(desc="Fetching 2 files", total=2)
        bar = bar_class(desc="Reconstructing (incomplete total...)", total=0, unit="B")
        bar.total = 4_000_000
        files.update(1)
        bar.update(1_000_000)
        bar.update(3_000_000)
    assert [progress.done for progress in told] == [1_000_000, 4_000_000, 4_000_000]
    assert str(told[0]) == "downloading some/model: 1 of 4 MB (25%)"
