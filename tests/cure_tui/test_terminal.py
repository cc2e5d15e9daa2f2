"""Unicode or ASCII, as the locale of the user's environment says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ASK = "from cure_tui.terminal import draws_unicode; print(draws_unicode())"


@pytest.mark.parametrize(
    ("variables", "unicode"),
    [
        ({}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_ALL": "C.UTF-8", "LC_CTYPE": "C", "LANG": "C"}, True),
        ({"LC_ALL": "C"}, False),
        ({"LC_ALL": "POSIX", "LANG": "en_US.UTF-8"}, False),
        ({"LC_ALL": "", "LANG": "C"}, False),
        ({"LC_CTYPE": "POSIX", "LANG": "C.UTF-8"}, False),
        ({"LANG": "C.UTF-8", "PYTHONIOENCODING": "ascii"}, False),
    ],
    ids=str,
)
def test_the_locale_c_means_ascii(variables: dict[str, str], unicode: bool) -> None:
    locale = ("LC_ALL", "LC_CTYPE", "LANG", "PYTHONIOENCODING")
    environment = {name: value for name, value in os.environ.items() if name not in locale} | variables
    said = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == str(unicode)
