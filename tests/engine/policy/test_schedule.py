"""Learning rate over a run."""

from __future__ import annotations

import pytest

from engine.policy.schedule import Schedule, learning_rate


def test_warm_up_rises_to_the_peak_without_a_wasted_update() -> None:
    schedule = Schedule(1.0, "constant", warmup_updates=3)
    assert [learning_rate(schedule, update) for update in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]


@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_a_decay_falls_from_the_peak_to_the_floor_and_stays_there(decay: str) -> None:
    schedule = Schedule(2.0, decay, warmup_updates=2, total_updates=12, floor=0.1)  # type: ignore[arg-type]
    rates = [learning_rate(schedule, update) for update in range(2, 20)]
    assert rates[0] == 2.0
    assert rates == sorted(rates, reverse=True)
    assert rates[5] == pytest.approx(1.1)  # half way: the mean of peak and floor
    assert rates[10:] == [pytest.approx(0.2)] * 8


@pytest.mark.parametrize(
    "numbers",
    [{"learning_rate": 0.0}, {"learning_rate": 1.0, "decay": "linear"}, {"learning_rate": 1.0, "floor": 2.0}],
)
def test_numbers_that_no_schedule_has_are_refused(numbers: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="needs"):
        Schedule(**numbers)  # type: ignore[arg-type]
