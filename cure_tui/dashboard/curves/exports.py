"""Files of charts: the raw values as CSV, the picture as SVG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cure_tui.charts import ChartOptions, Series, to_csv, to_svg
from cure_tui.dashboard.copying import Copied, save
from cure_tui.drawing.smoothing import smoothing_text

_SVG_SIZE = (900, 480)

Chart = tuple[str, Sequence[Series], ChartOptions]
"""Name, lines and options of a chart."""


@dataclass(frozen=True, slots=True)
class ChartFiles:
    """Writer of charts into a folder. tag: suffix of file names. names: names of lines in files, if others."""

    folder: Path
    tag: str
    names: Mapping[str, str]

    def save(self, charts: Sequence[Chart], x_label: str) -> Iterator[tuple[str, bool]]:
        """Save the charts, and yield what to tell the user, with whether it is a failure.

        Files of several charts are told in one line. Hidden lines are in the table, and not in the picture.
        """
        if not self.folder.parent.is_dir():  # do not recreate the folder of a run deleted meanwhile
            yield f"nothing was saved: {self.folder.parent} no longer exists", True
            return
        saved: list[tuple[Copied, str]] = []
        for name, lines, options in charts:
            series = [replace(each, name=self.names.get(each.name, each.name)) for each in lines]
            shown = [each for each in series if not each.hidden]
            stem = "-".join(part for part in (name.replace("/", " per "), self.tag) if part)
            table = save(to_csv(series, x_label), self.folder, f"{stem}.csv")
            picture = save(to_svg(shown, *_SVG_SIZE, options), self.folder, f"{stem}.svg")
            saved += [(table, "raw values"), (picture, smoothing_text(options.smoothing))]
        failed = [each for each, _ in saved if each.failed]
        if failed:
            yield failed[0].message, True
        elif len(charts) == 1:
            yield from ((f"{each.message}: {values}", False) for each, values in saved)
        else:
            yield f"{len(charts)} charts saved to {self.folder}: raw values as CSV, pictures as SVG", False
