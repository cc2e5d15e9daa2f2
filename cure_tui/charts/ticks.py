"""Ticks of axes and their labels: steps of 1, 2 or 5, decades, compact numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator

Ends = tuple[float, float]

_MANTISSAS = (1, 2, 5)
_SLACK = 1e-9  # fraction of a step by which rounding may move a tick beyond the end of its axis
_UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_MOST_PLACES = 4  # decimals; smaller numbers are written with an exponent


def nice_ticks(low: float, high: float, count: int, least: float = 0.0) -> tuple[float, ...]:
    """Return at most count + 1 ascending ticks in [low, high], multiples of 1, 2 or 5 times a power of ten.

    `least` is the smallest step allowed, such as 1 for whole numbers.
    """
    if not (math.isfinite(low) and math.isfinite(high)) or count < 1:
        return ()
    low, high = min(low, high), max(low, high)
    wanted = max(high / count - low / count, least)
    if wanted < 1e-300:
        return (low,) if low == high else (low, high)
    mantissa, exponent = next(_steps(wanted))
    step = mantissa * 10.0**exponent
    if not math.isfinite(low / step) or not math.isfinite(high / step):
        return (low, high)
    first, last = math.ceil(low / step - _SLACK), math.floor(high / step + _SLACK)
    return tuple(dict.fromkeys(_multiple(times, mantissa, exponent) for times in range(first, last + 1)))


def cover(low: float, high: float, intervals: int, least: float = 0.0) -> tuple[Ends, tuple[float, ...]]:
    """Return the ends of an axis around [low, high], and its two or more ticks, with about `intervals` steps.

    The axis ends on a tick or midway between two, so it does not move with every new point; with `least`, the smallest
    step allowed, it ends on a tick. Both numbers must be finite and below 1e300 in size.
    """
    first = last = mantissa = exponent = 0
    step = 1.0
    # A step larger than both ends always fits; with zero between the ends it takes one interval more.
    for tries, (mantissa, exponent) in enumerate(_steps(max((high - low) / intervals, least, 1e-300))):
        step = mantissa * 10.0**exponent
        first, last = math.floor(low / step + _SLACK), math.ceil(high / step - _SLACK)
        if last - first <= intervals or tries == len(_MANTISSAS):
            break
    last = max(last, first + 1)
    # In halves of a step: an end that needs only half of its last step drops the other half, if two ticks remain.
    start = max(2 * first, math.floor(2 * low / step + _SLACK))
    stop = min(2 * last, math.ceil(2 * high / step - _SLACK))
    if least or stop // 2 - -(-start // 2) < 1:
        start, stop = 2 * first, 2 * last
    ends = (_multiple(5 * start, mantissa, exponent - 1), _multiple(5 * stop, mantissa, exponent - 1))
    return ends, tuple(_multiple(times, mantissa, exponent) for times in range(-(-start // 2), stop // 2 + 1))


def log_cover(low: float, high: float, intervals: int) -> tuple[Ends, tuple[float, ...]]:
    """Return the ends of a log axis around positive [low, high], 1, 2 or 5 times a power of ten, and its ticks."""
    start, stop = math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1
    every = [_multiple(1, mantissa, decade) for decade in range(start, stop + 1) for mantissa in _MANTISSAS]
    first = max(at for at, tick in enumerate(every) if tick <= low * (1 + _SLACK))
    last = min(at for at, tick in enumerate(every) if tick >= high * (1 - _SLACK))
    last = max(last, first + 1)
    inside = every[first : last + 1]
    if len(inside) - 1 <= intervals:
        return (inside[0], inside[-1]), tuple(inside)
    decades = every[first + -first % len(_MANTISSAS) : last + 1 : len(_MANTISSAS)]
    stride = math.ceil((len(decades) - 1) / intervals) or 1
    ticks = tuple(decades[::stride])
    if len(ticks) < 2:
        ticks = tuple(sorted({inside[0], *ticks, inside[-1]}))
    return (inside[0], inside[-1]), ticks


def format_tick(value: float, step: float) -> str:
    """Format the value with as many digits as ticks `step` apart need: "0.25", "1.5k", "2e-6"."""
    if not math.isfinite(value):
        return str(value)
    if not 0 < step < math.inf:
        step = abs(value) or 1.0
    size = math.floor(math.log10(step) + _SLACK)
    places = max(0, -size)
    if abs(value) < step * 1e-6:
        return "0" if places > _MOST_PLACES else f"{0:.{places}f}"
    fixed = f"{value:.{min(places, 12)}f}"
    if places > _MOST_PLACES or abs(value) >= 1e15:
        exponent = math.floor(math.log10(abs(value)) + 1e-12)
        mantissa, power = f"{value:.{min(max(0, exponent - size), 6)}e}".split("e")
        scientific = f"{mantissa}e{int(power)}"
        return scientific if places > 12 or len(scientific) < len(fixed) else fixed
    for unit, suffix in _UNITS:
        if abs(value) >= unit * (1 - _SLACK):
            digits = max(0, math.ceil(math.log10(unit) - math.log10(step) - _SLACK))
            compact = f"{value / unit:.{digits}f}{suffix}"
            return compact if len(compact) <= len(fixed) else fixed
    return fixed


def format_value(value: float) -> str:
    """Format a single number: three significant digits, whole numbers below 10,000 in full."""
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    if abs(value) < 10_000 and value == math.floor(value):
        return str(int(value))
    return format_tick(value, 10.0 ** max(math.floor(math.log10(abs(value))) - 2, -307))


def step_of(ticks: tuple[float, ...]) -> float:
    """Return the step that the labels' digits must resolve: the distance of two ticks, or the size of a single tick."""
    if len(ticks) > 1:
        return ticks[1] - ticks[0]
    return abs(ticks[0]) if ticks and ticks[0] else 1.0


def _steps(least: float) -> Iterator[tuple[int, int]]:
    """Yield steps >= `least` as (mantissa, exponent), ascending, without end."""
    exponent = math.floor(math.log10(least))
    while True:
        for mantissa in _MANTISSAS:
            if mantissa * 10.0**exponent >= least * (1 - _SLACK):
                yield mantissa, exponent
        exponent += 1


def _multiple(times: int, mantissa: int, exponent: int) -> float:
    """Return times * mantissa * 10**exponent, rounded once, so that 3 steps of 0.1 are 0.3."""
    if exponent >= 0:
        return float(times * mantissa * 10**exponent)
    return float(times * mantissa / 10**-exponent)
