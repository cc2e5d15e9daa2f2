"""Silence of the libraries from the engine's first import on."""

from __future__ import annotations

import subprocess
import sys

import pytest

WATCH = """
import logging, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "bitsandbytes.backends.cpu":
            print(logging.getLogger(name + ".ops").isEnabledFor(logging.WARNING))

sys.meta_path.insert(0, Watch())
import {room}
"""


@pytest.mark.slow
@pytest.mark.parametrize("room", ["engine.models.nf4", "engine.train.run"])
def test_bitsandbytes_hint_about_kernels_is_off_before_it_is_imported(room: str) -> None:
    """bitsandbytes gives it on CPUs with AVX512-BF16 alone: on others an empty stderr would prove nothing."""
    done = subprocess.run([sys.executable, "-c", WATCH.format(room=room)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("False\n", "")
