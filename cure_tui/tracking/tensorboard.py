"""TensorBoard: event files below a folder, one folder a run. Uses its own writer; neither TensorFlow nor torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from cure_tui.tracking.tracker import Table
from engine.machine.home import home
from engine.runs.metrics import METRICS


class TensorBoard:
    """Writer of one run's event files. A reader drops steps >= the step of a later SessionLog.START."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._described: set[str] = set()

    def open(self, run: str, config: Mapping[str, str], since: int) -> bool:
        folder = self._folder / run
        held = any(folder.glob("events.out.tfevents.*"))
        self._writer = EventFileWriter(str(folder))
        self.rewind(since if held else 0)
        if not held:  # the reader takes back numbers alone, no texts
            rows = tuple(config.items())
            self.table(0, 0.0, Table("configuration", ("setting", "value"), rows))
        return held

    def rewind(self, step: int) -> None:
        self._writer.add_event(Event(step=step, session_log=SessionLog(status=SessionLog.START)))

    def metrics(self, step: int, time: float, values: Mapping[str, float]) -> None:
        summary = Summary(value=[self._value(name, value) for name, value in values.items()])
        self._writer.add_event(Event(wall_time=time, step=step, summary=summary))

    def table(self, step: int, time: float, table: Table) -> None:
        """Write the table as Markdown, which TensorBoard's text plugin renders."""
        lines = [_line(table.columns), _line(("---",) * len(table.columns)), *map(_line, table.rows)]
        text = "\n".join(lines).encode()
        tensor = TensorProto(
            dtype=DT_STRING, string_val=[text], tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
        )
        metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
        value = Summary.Value(tag=table.name, metadata=metadata, tensor=tensor)
        self._writer.add_event(Event(wall_time=time, step=step, summary=Summary(value=[value])))

    def flush(self) -> None:
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

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


def open_tracker(target: str) -> TensorBoard:
    """Return a writer below the folder `target`, by default `tracking/tensorboard` in the user's data."""
    return TensorBoard(Path(target).expanduser().absolute() if target else home() / "tracking" / "tensorboard")
