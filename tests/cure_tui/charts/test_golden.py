"""Charts look as written down here. Where a change improves one, look at it and write down the new picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cure_tui.charts import (
    QUANTILES,
    ChartOptions,
    GlyphSet,
    Series,
    histogram,
    line_chart,
    quantile_bands,
    sparkline,
)
from cure_tui.drawing.spans import Row, plain

STEPS = np.arange(1.0, 41.0)
TEETH = np.arange(40) * 7 % 11 / 100  # noise that is the same everywhere
CODE = 0.2 + STEPS / 80 + TEETH
TESTS = np.where((STEPS > 12) & (STEPS < 18), np.nan, 0.7 - 4 / (STEPS + 7) + TEETH / 2)
PAIR = (Series("code", STEPS, CODE, "series0"), Series("unit tests", STEPS, TESTS, "series1"))
ACCURACY = ChartOptions(title="accuracy", x_label="step")
SMOOTH = replace(ACCURACY, smoothing=0.8, cursor_x=20.0)
LENGTHS = (200 + 300 * np.arange(40)[:, None] / 40) * (0.5 + np.array([QUANTILES]))
RATES = Series("learning_rate", STEPS, 1e-6 * 10 ** (STEPS / 20), "series0")
COUNTED = np.repeat(np.arange(12.0), [1, 3, 9, 16, 22, 19, 12, 8, 4, 0, 0, 1])


def drawn(name: str, glyphs: GlyphSet) -> list[Row]:
    """Draw the chart of that name."""
    if name == "lines":
        return line_chart(PAIR, 60, 11, replace(ACCURACY, glyphs=glyphs))
    if name == "smoothed, with a cursor":
        return line_chart(PAIR[:1], 60, 9, replace(SMOOTH, glyphs=glyphs))
    if name == "bands":
        return quantile_bands(STEPS, LENGTHS, 72, 10, ChartOptions("length", "step", glyphs=glyphs))
    if name == "histogram":
        return histogram(COUNTED, 48, 9, ChartOptions("length", "tokens", glyphs=glyphs))
    if name == "logarithmic":
        return line_chart([RATES], 36, 8, ChartOptions("learning_rate", "step", log_y=True, glyphs=glyphs))
    if name == "small":
        return line_chart(PAIR, 16, 4, replace(ACCURACY, glyphs=glyphs))
    if name == "empty":
        return line_chart([], 24, 4, replace(ACCURACY, glyphs=glyphs))
    return [sparkline(series.y, 20, glyphs) for series in PAIR]


NAMES = (
    "lines",
    "smoothed, with a cursor",
    "bands",
    "histogram",
    "logarithmic",
    "small",
    "empty",
    "sparklines",
)


@pytest.mark.parametrize("glyphs", GlyphSet)
@pytest.mark.parametrize("name", NAMES)
def test_a_chart_looks_as_written_down(name: str, glyphs: GlyphSet) -> None:
    assert "\n" + plain(drawn(name, glyphs)) + "\n" == GOLDEN[glyphs][name]


def test_every_style_is_where_it_belongs() -> None:
    rows = line_chart(PAIR, 60, 11, SMOOTH)
    styles = {span.style for row in rows for span in row if span.text.strip()}
    assert styles == {"title", "text", "axis", "accent", "series0", "series1", "band0", "band1"}


# fmt: off
GOLDEN: dict[GlyphSet, dict[str, str]] = {
    GlyphSet.BRAILLE: {
        "lines": """
accuracy                    ● code 0.790  ▲ unit tests 0.660
0.8┤                                                  ⢀⣤⣀ ⢀●
   │                                           ⢀⣤⣀ ⢀⡖⠲⠞⣀⠈⠙⠋▲
0.6┤                        ⣀⡀  ⣠⣀⣀ ⣠⢤⣠⡶⠶⣤⣤⡼⠛⠳⠦⠟⠓⠚⠿⠿⠚⠓⠚⠉⠉⠓⠚⠉
   │             ⣀          ⣀⡉⠉⢋⡵⠤⣌⣉⡟⠓⠚   ⠉
   │       ⢀⡤⠤⠤⠴⠚⠉⠉⠉ ⣀ ⡴⠛⠲⢤⡼⠁⠉⠓⠞   ⠉
0.4┤   ⢀⣴⠒⠒⠋⣠⣄⣀ ⣰⠓⢦⣀⡞⠉⠉⠁
   │ ⣠⣴⣻⠋⠙⠲⠞⠁ ⠈⠙⠁
0.2┤⡼⠃ ⠁
   └─────────────┬─────────────┬─────────────┬─────────────┬
                10            20            30       40 step
""",
        "smoothed, with a cursor": """
accuracy                               step 20  ● code 0.460
0.8┤                           ┆                      ⢠⠦⢤⣀⣠⠞
   │                           ┆       ⣀⣀  ⣠⠤⣄⣀⡴⣀⣀⣀⣀⡤⠤⠴⠒⠒⠋⠉⠉
0.6┤                        ⣀⡀ ┆⡤⢤⣀⣀⡴⣀⣀⡤⠤⠤⠴⠒⠒⠋⠉⠉⠁
0.4┤             ⣀  ⢀⣤⣀⡴⣀⣀⣀⣠⠤⠤⠴⠒⠒⠚⠉⠉⠉⠁
   │ ⢀ ⢀⢀⣀⣀⣀⣠⠤⠤⠤⠤⠖⠒⠒⠒⠚⠉⠉⠁      ┆
0.2┤⡤⠖⠒⠋⠉                      ┆
   └─────────────┬─────────────┬─────────────┬─────────────┬
                10            20            30       40 step
""",
        "bands": """
length                ⠒ median 492  ⢕ q25-q75 369-616  ⠡ q10-q90 296-690
   │                                                                  ⠠⠠
   │                                               ⠠⠠⠠⠠⠠⠠⢠⢠⢠⢠⢡⢡⢥⢥⢥⢥⢥⢕⢕⢕⢕
500┤                             ⠠⠠⠠⠠⢠⢠⢠⢠⢠⢠⢥⢥⢥⢥⢥⢕⢕⢕⢕⢕⢕⢕⢕⢕⣀⣀⣀⣀⣀⣀⣠⠤⠤⠤⠤⠤⠤⠖⠒
   │           ⠠⠠⢠⢠⢠⢠⢠⢤⢤⢤⢥⢥⢕⢕⢕⢕⢀⣀⣀⣀⣀⣀⣀⡤⠤⠤⠤⠤⠤⠴⠒⠒⠒⠒⠒⠚⠉⠉⠉⠉⠉⠉⠁⢕⢕⢕⢕⢕⢕⢵⠵⠵⠵⠵⠵⠵⠵
   │⢤⢀⣀⣀⣀⣀⣀⣀⡤⠤⠤⠤⠤⠤⠤⠖⠒⠒⠒⠒⠒⠚⠉⠉⠉⠉⠉⠉⠵⠵⠵⠵⠵⠵⠵⠵⠱⠱⠱⠱⠱⠱⠱⠱⠡⠡⠡⠡⠡⠡⠡⠡⠡⠡⠡⠡⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁
   │⠉⠉⠱⠱⠱⠱⠱⠱⠱⠱⠡⠡⠡⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁⠁
  0┤
   └───────────────┬─────────────────┬────────────────┬────────────────┬
                  10                20               30          40 step
""",
        "histogram": """
length                    n 95  median 4  max 11
60┤
  │               ▁▁▁▁▁▁▁▁
40┤               ████████
20┤        ▄▄▄▄▄▄▄████████
  │        ██████████████████████
 0┤▃▃▃▃▃▃▃▃██████████████████████▃▃▃▃▃▃▃▃▁▁▁▁▁▁▁
  └──┬─────────────────┬─────────────────────┬──
     0                 5               11 tokens
""",
        "logarithmic": """
learning_rate                1.00e-4
0.0001┤                       ⣀⣠⠤⠴⠒⠋
      │                 ⣀⣠⠤⠖⠚⠉⠁
  1e-5┤           ⣀⣠⠤⠖⠚⠉⠁
      │    ⢀⣀⡤⠤⠖⠚⠉⠁
  1e-6┤⡤⠴⠒⠋⠉
      └──────────────┬─────────────┬
step                20            40
""",
        "small": """
accuracy
1.0┤          ⣀●
0.5┤⢀⣠⣴⣦⡤⠶⠳⠛⠋⠉⠉▲
0.0┤⠋⠉
""",
        "empty": """
accuracy

      no data yet

""",
        "sparklines": """
⣀⣠⣄⣤⣤⣤⣤⣤⣴⣤⣶⣴⣶⣶⣶⣶⣶⣷⣿⣿
⣠⣤⣤⣶⣶⣶  ⢸⣶⣷⣾⣿⣿⣿⣿⣿⣿⣿⣿
""",
    },
    GlyphSet.BLOCK: {
        "lines": """
accuracy                    ● code 0.790  ▲ unit tests 0.660
0.8┤                                                  ▗▄▖ ▗●
   │                                           ▗▄▖ ▗▟▙▛ ▀▀▀
0.6┤                        ▄   ▄▄▖ ▄▄▄██▄▄▟▀█▄█▀▜██▀▀▀▀▀▀▀▲
   │             ▄          ▟▛▀▜█▄██▛▀▀   ▀
   │       ▗▄▄▄▟▀▀▀▀ ▄ ▟▀▜▄▟▘▀▀▀   ▀
0.4┤   ▗▟▛▀▀▄▄▄ ▟▀▙▄▛▀▀▘
   │ ▄██▀▀▜▛▘ ▝▀▘
0.2┤█▘
   └─────────────┬─────────────┬─────────────┬─────────────┬
                10            20            30       40 step
""",
        "smoothed, with a cursor": """
accuracy                               step 20  ● code 0.460
0.8┤                           ┆                      ▗▄▄▄▄▛
   │                           ┆       ▄▄  ▄▄▄▄▟▀▄▄▄▄▄▄▛▀▀▀▀
0.6┤                        ▄▖ ┆▄▄▄▄▟▄▄▄▄▄▄▛▀▀▀▀▀▘
0.4┤            ▗▄  ▄▄▄▗▄▄▄▄▄▟▀▀▀▀▀▀▀▘
   │ ▗▖▗▄▄▄▄▄▄▄▄▟▀▀▀▀▀▀▀       ┆
0.2┤▟▀▀▀▘                      ┆
   └─────────────┬─────────────┬─────────────┬─────────────┬
                10            20            30       40 step
""",
        "bands": """
length                ▀ median 492  ▚ q25-q75 369-616  ▘ q10-q90 296-690
   │
   │                                                     ▝▝▐▐▐▐▐▐▐▐▐▐▐▜▜
500┤                                 ▗▗▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▚▗▄▄▄▄▄▄▄▄▄▄▄▄▄▛
   │            ▗▗▗▐▐▐▐▐▐▐▐▜▜▜▜▄▄▄▄▄▄▄▄▄▄▄▄▄▟▀▀▀▀▀▀▀▀▀▀▀▀▀▚▚▚▚▚▚▚▚▚▚▚▚▚▚
   │▗▄▄▄▄▄▄▄▄▄▄▄▄▄▛▀▀▀▀▀▀▀▀▀▀▀▀▘▚▚▚▚▚▚▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘▘
   │▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▀▝▝▝▝▝▝▝▝▝▝▝▝▝▝▝
  0┤
   └───────────────┬─────────────────┬────────────────┬────────────────┬
                  10                20               30          40 step
""",
        "histogram": """
length                    n 95  median 4  max 11
60┤
  │               ▁▁▁▁▁▁▁▁
40┤               ████████
20┤        ▄▄▄▄▄▄▄████████
  │        ██████████████████████
 0┤▃▃▃▃▃▃▃▃██████████████████████▃▃▃▃▃▃▃▃▁▁▁▁▁▁▁
  └──┬─────────────────┬─────────────────────┬──
     0                 5               11 tokens
""",
        "logarithmic": """
learning_rate                1.00e-4
0.0001┤                       ▗▄▄▄▛▀
      │                 ▄▄▄▟▀▀▀
  1e-5┤          ▗▄▄▄▛▀▀▘
      │    ▄▄▄▟▀▀▀
  1e-6┤▟▀▀▀▘
      └──────────────┬─────────────┬
step                20            40
""",
        "small": """
accuracy
1.0┤          ▄●
0.5┤▗▄▟▙▄█▜▀▀▀▀▲
0.0┤▀▝
""",
        "empty": """
accuracy

      no data yet

""",
        "sparklines": """
▁▂▂▃▃▃▃▄▄▄▅▅▆▆▆▆▆▇██
▁▃▄▅▅▅  ▇▇▇▇▇▇█▇▇███
""",
    },
    GlyphSet.ASCII: {
        "lines": """
accuracy                    * code 0.790  + unit tests 0.660
0.8-                                                   *   *
   |                                            *   ********
0.6-                            ++++++++++++++++++++++++++++
   |             ++         +++++*++**** **
   |       ++++++++++***********   *
0.4-   +++++***********
   |++++* **   *
0.2-+
   +-------------+-------------+-------------+-------------+
                10            20            30       40 step
""",
        "smoothed, with a cursor": """
accuracy                               step 20  * code 0.460
0.8-                           :                      ... ..
   |                           :       .   ... ....*********
0.6-                        .. :.....***************
0.4-            ... ..****************
   | .*****************        :
0.2-***                        :
   +-------------+-------------+-------------+-------------+
                10            20            30       40 step
""",
        "bands": """
length                * median 492  : q25-q75 369-616  . q10-q90 296-690
   |                                                                   .
   |                                              ...........:::::::::::
500-                          ........::::::::::::::::::::**************
   |     ......:::::::::::::::*****************************:::::::::::::
   |***************************::::::::::::::::::::::::.................
   |::::::::::::...............
  0-
   +---------------+-----------------+----------------+----------------+
                  10                20               30          40 step
""",
        "histogram": """
length                    n 95  median 4  max 11
60-
  |
40-               ########
20-               ########
  |        ######################
 0-#############################################
  +--+-----------------+---------------------+--
     0                 5               11 tokens
""",
        "logarithmic": """
learning_rate                1.00e-4
0.0001-                        *****
      |                 ********
  1e-5-          ********
      |   ********
  1e-6-****
      +--------------+-------------+
step                20            40
""",
        "small": """
accuracy
1.0-          **
0.5-++++*++++++*
0.0-+
""",
        "empty": """
accuracy

      no data yet

""",
        "sparklines": """
_.....-=====++****##
_--==+  ******##*###
""",
    },
}
# fmt: on
