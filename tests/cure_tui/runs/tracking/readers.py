"""Readers of the trackers for the tests: what each holds of the one run that it shows, by its own library."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


class Held(Protocol):
    """Contents of a tracker: the one run that it shows."""

    def numbers(self, name: str) -> list[tuple[int, float]]:
        """Return (step, value) in the order in which they are held."""

    def times(self, name: str) -> list[float]:
        """Return the Unix times of `numbers`."""

    def config(self) -> dict[str, str]: ...

    def tables(self, name: str) -> dict[int, str]:
        """Return the table's text by step."""


@dataclass(frozen=True)
class HeldByTensorBoard:
    """Run in TensorBoard's event files."""

    target: Path
    project: str
    run: str

    def _read(self) -> Any:
        from tensorboard.backend.event_processing.event_accumulator import TENSORS, EventAccumulator

        found = EventAccumulator(str(self.target / self.project / self.run), size_guidance={TENSORS: 0})
        found.Reload()
        return found

    def numbers(self, name: str) -> list[tuple[int, float]]:
        return [(each.step, round(each.value, 4)) for each in self._read().Scalars(name)]

    def times(self, name: str) -> list[float]:
        return [each.wall_time for each in self._read().Scalars(name)]

    def config(self) -> dict[str, str]:
        rows = [line.split(" | ") for line in self.tables("configuration")[0].splitlines()[2:]]
        return {row[0].removeprefix("| "): row[1].removesuffix(" |") for row in rows}

    def tables(self, name: str) -> dict[int, str]:
        return {each.step: each.tensor_proto.string_val[0].decode() for each in self._read().Tensors(name)}


@dataclass(frozen=True)
class HeldByTrackio:
    """Run in Trackio's database of the project."""

    target: Path
    project: str
    run: str

    def _logs(self) -> list[dict[str, Any]]:
        import trackio
        from trackio.sqlite_storage import SQLiteStorage

        assert (self.target / f"{self.project}.db").exists()
        (found,) = trackio.Api().runs(self.project)
        assert found.name == self.run
        logs: list[dict[str, Any]] = SQLiteStorage.get_logs(self.project, self.run, run_id=found.id)
        return logs

    def numbers(self, name: str) -> list[tuple[int, float]]:
        return [(each["step"], each[name]) for each in self._logs() if name in each]

    def times(self, name: str) -> list[float]:
        from datetime import datetime

        return [datetime.fromisoformat(each["timestamp"]).timestamp() for each in self._logs() if name in each]

    def config(self) -> dict[str, str]:
        import trackio

        (found,) = trackio.Api().runs(self.project)
        return dict(found.config)

    def tables(self, name: str) -> dict[int, str]:
        logs = [each for each in self._logs() if name in each]
        assert len({each["step"] for each in logs}) == len(logs)
        return {each["step"]: json.dumps(each[name]["_value"]) for each in logs}


@dataclass(frozen=True)
class HeldByMLflow:
    """Run in MLflow's database of the experiment."""

    target: Path
    project: str
    run: str

    def _read(self) -> tuple[Any, Any]:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=f"sqlite:///{self.target}/mlflow.db")
        experiment = client.get_experiment_by_name(self.project)
        (found,) = client.search_runs([experiment.experiment_id])
        assert found.info.run_name == self.run
        return client, found

    def _history(self, name: str) -> list[Any]:
        client, found = self._read()
        return list(client.get_metric_history(found.info.run_id, name))

    def numbers(self, name: str) -> list[tuple[int, float]]:
        return [(each.step, each.value) for each in self._history(name)]

    def times(self, name: str) -> list[float]:
        return [each.timestamp / 1000 for each in self._history(name)]

    def config(self) -> dict[str, str]:
        return dict(self._read()[1].data.params)

    def tables(self, name: str) -> dict[int, str]:
        client, found = self._read()
        texts = {}
        for file in client.list_artifacts(found.info.run_id, name):
            root = Path(found.info.artifact_uri.removeprefix("file://"))
            texts[int(file.path.removesuffix(".json").rpartition("-")[2])] = (root / file.path).read_text()
        return texts


@dataclass(frozen=True)
class HeldByWandb:
    """Newest run in the files that `wandb sync` would send: records in blocks, as LevelDB has them in its log."""

    target: Path
    project: str
    run: str

    def _records(self) -> Iterator[Any]:
        from wandb.proto.wandb_internal_pb2 import Record

        files = sorted((self.target / "wandb").glob("offline-run-*/*.wandb"), key=os.path.getmtime)
        newest = files[-1].name  # a run's id is in it; each process wrote a file of its own
        for file in files:
            if file.name == newest:
                for data in _log_records(file.read_bytes()[7:]):
                    yield Record.FromString(data)

    def _rows(self, name: str) -> list[dict[str, Any]]:
        rows = []
        for record in self._records():
            if record.WhichOneof("record_type") == "history":
                items = record.history.item
                row = {each.key or "/".join(each.nested_key): json.loads(each.value_json) for each in items}
                if name in row:
                    rows.append(row)
        return rows

    def numbers(self, name: str) -> list[tuple[int, float]]:
        return [(row["step"], row[name]) for row in self._rows(name)]

    def times(self, name: str) -> list[float]:
        return [row["_timestamp"] for row in self._rows(name)]

    def config(self) -> dict[str, str]:
        return {
            each.key or ".".join(each.nested_key): json.loads(each.value_json)
            for record in self._records()
            if record.WhichOneof("record_type") == "config"
            for each in record.config.update
        }

    def tables(self, name: str) -> dict[int, str]:
        folders = list((self.target / "wandb").glob("offline-run-*/files"))
        rows = self._rows(f"{name}/path")
        assert len({row["step"] for row in rows}) == len(rows)
        paths = {row["step"]: [folder / row[f"{name}/path"] for folder in folders] for row in rows}
        return {step: next(path for path in found if path.exists()).read_text() for step, found in paths.items()}


READERS: dict[str, type[Held]] = {
    "tensorboard": HeldByTensorBoard,
    "wandb": HeldByWandb,
    "trackio": HeldByTrackio,
    "mlflow": HeldByMLflow,
}


def _log_records(data: bytes) -> Iterator[bytes]:
    """Yield the records of a LevelDB log whose first block lacks 7 bytes of file header."""
    size, at, parts = 1 << 15, 0, b""
    while at + 7 <= len(data):
        left = size - (at + 7) % size
        if left < 7:
            at += left
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            yield parts
            parts = b""
