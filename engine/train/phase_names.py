"""Names of the phases before a run's first step, as its journal tells them."""

from __future__ import annotations

LOADING, RESUMING, WRITE_TESTS = "loading", "resuming", "write tests"
START_ENGINE = "start engine"
