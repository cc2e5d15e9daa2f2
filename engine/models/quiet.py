"""Silence of the libraries: transformers' progress bars and messages, and a hint of bitsandbytes' at its import."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging

# peft imports bitsandbytes even where nothing is quantised. On CPUs with AVX512-BF16 that asks for the package
# `kernels`, and warns where it is missing: a kernel for a product that the engine never uses (see `nf4.CpuNf4Linear`).
# Therefore this module is imported before peft.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Suppress progress bars, messages below error and Python warnings; restore the settings afterwards."""
    verbosity = transformers_logging.get_verbosity()
    had_bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers_logging.set_verbosity(verbosity)
        if had_bars:
            transformers_logging.enable_progress_bar()
