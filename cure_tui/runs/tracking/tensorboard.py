"""TensorBoard: event files below a folder, one folder a run. Uses its record format; neither TensorFlow nor torch."""

from __future__ import annotations

import os
import shlex
import socket
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.record_writer import RecordWriter

from cure_tui.runs.tracking.tracker import Numbers, Table, TrackedRun
from engine.errors import RunError
from engine.machine.home import home
from engine.runs.files import write_whole
from engine.runs.listing import RunCondition
from engine.runs.metrics import METRICS

_EVENTS = "events.out.tfevents."
_OWNER = "cure-tui-run"
"""File beside a run's events with the run's key: TensorBoard reads only files with "tfevents" in their names."""


class TensorBoard:
    """Writer of one run's event files. A reader drops steps >= the step of a later SessionLog.START.

    Events are written when they are flushed, whole or not at all.
    """

    def __init__(self, folder: Path) -> None:
        self.target = str(folder)
        self.hint = f"tensorboard --logdir {shlex.quote(self.target)}"
        self._folder = folder
        self._file = -1
        self._unwritten = BytesIO()
        self._described: set[str] = set()

    def open(self, run: TrackedRun, config: Mapping[str, str], since: int) -> int:
        folder = self._folder / run.name
        folder.mkdir(parents=True, exist_ok=True)
        held = [path.name for path in folder.glob(f"{_EVENTS}*")]
        owner = folder / _OWNER
        if held and (not owner.exists() or owner.read_text() != run.key):
            raise RunError(f"{folder} holds the events of another run", "move it away, or give another --target")
        owner.write_text(run.key)
        # A reader goes through the files in the order of their names.
        newest = max((int(name.split(".")[3]) for name in held if name.split(".")[3].isdecimal()), default=0)
        name = f"{_EVENTS}{max(int(time.time()), newest + 1):010d}.{socket.gethostname()}.{os.getpid()}"
        self._file = os.open(folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._add(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self.rewind(since if held else 0)
        if not held:  # the reader takes back numbers alone, no texts
            self.table(0, run.started or 0.0, Table("configuration", ("setting", "value"), tuple(config.items())))
        return since if held else 0

    def rewind(self, step: int) -> int:
        self._add(Event(step=step, session_log=SessionLog(status=SessionLog.START)))
        return step

    def metrics(self, numbers: Numbers) -> None:
        summary = Summary(value=[self._value(name, value) for name, value in numbers.values.items()])
        self._add(Event(wall_time=numbers.time, step=numbers.step, summary=summary))

    def table(self, step: int, time: float, table: Table) -> None:
        """Write the table as Markdown, which TensorBoard's text plugin renders."""
        lines = [_line(table.columns), _line(("---",) * len(table.columns)), *map(_line, table.rows)]
        text = "\n".join(lines).encode()
        tensor = TensorProto(
            dtype=DT_STRING, string_val=[text], tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        )
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        value = Summary.Value(tag=table.name, metadata=metadata, tensor=tensor)
        self._add(Event(wall_time=time, step=step, summary=Summary(value=[value])))

    def flush(self) -> None:
        if self._unwritten.tell():
            write_whole(self._file, self._unwritten.getvalue())
            self._unwritten = BytesIO()

    def close(self, condition: RunCondition | None) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _add(self, event: Event) -> None:
        RecordWriter(self._unwritten).write(event.SerializeToString())

    def _value(self, tag: str, number: float) -> Summary.Value:
        value = Summary.Value(tag=tag, simple_value=number)
        known = METRICS.get(tag.rpartition("/")[2])
        if tag not in self._described and known is not None:
            self._described.add(tag)
            unit = f" ({known.unit})" if known.unit else ""
            value.metadata.display_name = tag
            value.metadata.summary_description = f"{known.title}{unit}: {known.meaning}"
            value.metadata.plugin_data.plugin_name = "scalars"
        return value


def _line(cells: tuple[str, ...]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;") for cell in cells)
    return "| " + " | ".join(cell.replace("\n", "<br>") for cell in escaped) + " |"


def open_tracker(target: str, project: str) -> TensorBoard:
    """Return a writer below the folder `target`, by default `tracking/tensorboard` in the user's data."""
    folder = Path(target) if target else home() / "tracking" / "tensorboard"
    return TensorBoard(folder / project if project else folder)
