"""Agreement between the reports of two learners of the same samples."""

from __future__ import annotations

from dataclasses import fields

import pytest

from engine.policy import UpdateReport

_EXEMPT = {"roles", "seconds", "notes", "entropy_estimated", "grad_norm"}


def assert_agree(report: UpdateReport, local: UpdateReport, digits: float = 1e-5) -> None:
    """Fail unless a server's report is the local one to so many digits, but for the entropy, which it estimates."""
    for field in fields(UpdateReport):
        if field.name not in _EXEMPT:
            expected = getattr(local, field.name)
            assert getattr(report, field.name) == pytest.approx(expected, rel=digits, abs=1e-7), field.name
    assert report.grad_norm == pytest.approx(local.grad_norm, rel=1e-4)
    for own, theirs in zip(report.roles, local.roles, strict=True):
        assert (own.role, own.samples, own.tokens) == (theirs.role, theirs.samples, theirs.tokens)
        assert own.kl == pytest.approx(theirs.kl, rel=digits, abs=1e-7)
    assert report.entropy_estimated
    assert not local.entropy_estimated
