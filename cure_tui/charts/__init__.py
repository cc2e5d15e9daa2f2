"""Charts as pure functions: numbers in, rows of styled text (`spans`), CSV or SVG out. They need numpy, no terminal.

rows = line_chart([Series("code_accuracy", steps, accuracy)], 80, 14, ChartOptions(title="accuracy"))

series         the input: Series, ChartOptions
smoothing      moving average of a series
ticks, scale   positions of ticks, position of a value on its axis
trace, canvas  points -> dots -> characters in three glyph sets
rounding       nearest dot of a position, alike on every CPU
reading        values at a cursor, best values, places of a cursor
legend, frame  title, legend, axes and labels around a plot
line, distribution, sparkline  the charts
table, svg     exports
"""

from cure_tui.charts.distribution import QUANTILES, histogram, quantile_bands
from cure_tui.charts.line import line_chart, x_at
from cure_tui.charts.reading import Reading, best_of, moved_stop, nearest_stop, stops, value_at
from cure_tui.charts.series import ChartOptions, Floats, GlyphSet, Series
from cure_tui.charts.smoothing import ema
from cure_tui.charts.sparkline import sparkline
from cure_tui.charts.svg import to_svg
from cure_tui.charts.table import to_csv
from cure_tui.charts.ticks import format_tick, format_value, nice_ticks

__all__ = [
    "QUANTILES",
    "ChartOptions",
    "Floats",
    "GlyphSet",
    "Reading",
    "Series",
    "best_of",
    "ema",
    "format_tick",
    "format_value",
    "histogram",
    "line_chart",
    "moved_stop",
    "nearest_stop",
    "nice_ticks",
    "quantile_bands",
    "sparkline",
    "stops",
    "to_csv",
    "to_svg",
    "value_at",
    "x_at",
]
