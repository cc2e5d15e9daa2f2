"""Rules of label drift: which measurements end a run, and which only warn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean, stdev

import pytest

from engine.presets import load_preset
from engine.runs.drift import Measurement, drift_sign, label_drift
from engine.train.label_watch import Anchored, LabelWatch, measurements
from engine.train.progress import RunProgress


def measured(**columns: Sequence[float | None]) -> list[Measurement]:
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


def test_a_difference_within_the_error_of_the_measurements_is_chance() -> None:
    # Measured on nano: six tasks a step leave the presumed accuracy unknown by 6 points; a healthy run met this.
    gap = {"presumed": [0.332, 0.438, 0.45], "code": [0.575, 0.552, 0.56]}
    assert label_drift(measured(**gap)) != ""
    assert label_drift(measured(**gap, presumed_error=[0.057, 0.058, 0.043], code_error=[0.016, 0.011, 0.019])) == ""
    rising = {"presumed": [0.33, 0.6, 0.8], "presumed_error": [0.06, 0.06, 0.06]}
    assert "47.0 points more" in label_drift(measured(**rising, code=[0.5, 0.5, 0.5]))
    # One lucky measurement among many is no best; a fall of more than three errors is one.
    accuracy = {"ut": [0.67, 0.717, 0.628, 0.632, 0.634]}
    assert label_drift(measured(**accuracy)) != ""
    assert label_drift(measured(**accuracy, ut_error=[0.02, 0.022, 0.019, 0.026, 0.024])) == ""
    assert drift_sign(measured(**accuracy, ut_error=[0.02, 0.022, 0.019, 0.026, 0.024])) == ""
    assert label_drift(measured(ut=[0.717, 0.6, 0.58, 0.5], ut_error=[0.022, 0.019, 0.026, 0.024])) != ""


def test_a_measurement_knows_its_error_and_one_of_an_earlier_version_none() -> None:
    watch = LabelWatch(load_preset("nano", ["reward.labels=consensus"]), (), lambda anchors, step: [], print)
    progress = RunProgress(measured=(0.5, -1.0, -1.0, 3.0))
    codes = [0.4, 0.5, 0.45, None, 0.5, 0.4, 0.6, 0.5, 0.45, 0.55]
    for step, code in enumerate(codes, 1):
        signs = {"presumed_accuracy": 0.5, "anchor_code_accuracy": code, "anchor_ut_accuracy": None, "output_rows": 2.0}
        progress = watch.after_step(replace(progress, step=step), Anchored((), None), signs)
    known = [code for code in codes if code is not None]
    earlier, measured_now = measurements(progress)
    assert earlier == Measurement(presumed=0.5, rows=3.0)
    assert measured_now.code == pytest.approx(fmean(known))
    assert measured_now.code_error == pytest.approx(stdev(known) / len(known) ** 0.5)
    assert (measured_now.presumed, measured_now.presumed_error, measured_now.ut) == (0.5, pytest.approx(0), None)


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
