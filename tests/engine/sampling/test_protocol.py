"""Types of the protocol: they reject impossible requests and import no framework."""

from __future__ import annotations

import subprocess
import sys

import pytest

from engine.sampling import Request, SamplingParams


@pytest.mark.parametrize("fault", [{"temperature": -0.1}, {"top_p": 0.0}, {"top_p": 1.1}, {"max_new_tokens": 0}])
def test_impossible_parameters_are_refused(fault):
    with pytest.raises(ValueError, match=next(iter(fault))):
        SamplingParams(**fault)


def test_an_empty_prompt_and_an_empty_group_are_refused():
    with pytest.raises(ValueError, match="empty prompt"):
        Request("a", (), n=1, seed=0)
    with pytest.raises(ValueError, match="0 samples"):
        Request("a", (1,), n=0, seed=0)


def test_the_protocol_loads_no_framework():
    code = "import sys, engine.sampling; sys.exit(bool({'torch', 'transformers', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
