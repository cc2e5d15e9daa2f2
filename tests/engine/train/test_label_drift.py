"""Rules of label drift: which measurements end a run, and which only warn."""

from __future__ import annotations

import pytest

from engine.runs.drift import Measurement, drift_sign, label_drift


def measured(**columns: list[float | None]) -> list[Measurement]:
    rows = zip(*columns.values(), strict=True)
    return [Measurement(**dict(zip(columns, row, strict=True))) for row in rows]


def test_a_gap_that_grows_while_the_anchors_stand_still_ends_the_run() -> None:
    assert "11.0 points more over 20 steps" in label_drift(measured(presumed=[0.5, 0.55, 0.61], code=[0.5, 0.5, 0.5]))
    # 10 points exactly do not, nor does a gap that grows while the anchors rise, nor one that took longer.
    assert label_drift(measured(presumed=[0.5, 0.55, 0.6], code=[0.5, 0.5, 0.5])) == ""
    assert label_drift(measured(presumed=[0.5, 0.6, 0.7], code=[0.5, 0.5, 0.51])) == ""
    assert label_drift(measured(presumed=[0.5, 0.55, 0.6, 0.65], code=[0.5] * 4)) == ""


@pytest.mark.parametrize(("name", "title"), [("code", "code"), ("ut", "unit-test")])
def test_an_accuracy_below_its_best_in_three_measurements_ends_the_run(name: str, title: str) -> None:
    assert f"{title} accuracy on the anchors" in label_drift(measured(**{name: [0.6, 0.7, 0.65, 0.6, 0.64]}))
    assert label_drift(measured(**{name: [0.6, 0.7, 0.65, 0.6]})) == ""
    assert label_drift(measured(**{name: [0.6, 0.7, 0.65, 0.66, 0.64, 0.65]})) == ""  # not in a row
    assert label_drift(measured(**{name: [0.7, None, 0.6, 0.6, None, 0.6]})) != ""  # one that is unknown does not count


def test_the_first_falls_warn() -> None:
    assert drift_sign(measured(code=[0.6, 0.7, 0.66])) == ""
    assert "60.0 %, 10.0 points below its best (1 of 3" in drift_sign(measured(code=[0.6, 0.7, 0.6]))
    assert "(2 of 3" in drift_sign(measured(ut=[0.7, 0.6, 0.6]))


def test_programs_that_all_print_the_same_end_the_run_even_without_anchors() -> None:
    assert label_drift(measured(rows=[3.0, 1.5])) == ""
    assert "1.40 different outputs" in label_drift(measured(rows=[3.0, 1.4]))


def test_nothing_measured_is_no_drift() -> None:
    assert label_drift([]) == ""
    assert label_drift([Measurement()] * 5) == ""


def test_the_best_checkpoint_is_chosen_by_what_the_anchors_tell() -> None:
    assert Measurement(code=0.6, ut=0.4).score == 0.5
    assert Measurement(code=0.6).score == 0.6
    assert Measurement(presumed=0.9).score is None
