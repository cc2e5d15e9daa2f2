"""endpoints.toml as others may have written it: one line, whatever it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import ConfigError
from engine.servers.settings import endpoints_file, read_endpoints


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CURE_TUI_CONFIG", str(tmp_path))
    return endpoints_file()


@pytest.mark.parametrize(
    "text", ["a = " + "9" * 5000, "a = " + "[" * 5000, "a = \xff", "a.b = 1"], ids=lambda text: ascii(text[:20])
)
def test_a_file_that_toml_cannot_hold_is_refused_in_one_line(file: Path, text: str) -> None:
    file.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError) as caught:
        read_endpoints()
    assert "\n" not in str(caught.value)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["FIFO", "device", "circle", "huge"])
def test_what_is_no_file_is_refused_without_reading_it(file: Path, kind: str) -> None:
    match kind:
        case "FIFO":
            os.mkfifo(file)
        case "device":
            file.symlink_to("/dev/zero")
        case "circle":
            file.symlink_to(file)
        case _:
            file.touch()
            os.truncate(file, 1 << 34)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_endpoints()


def test_a_link_to_a_file_is_read(file: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text("[price.m]\ninput = 1\noutput = 2\n")
    file.symlink_to(tmp_path / "elsewhere.toml")
    assert read_endpoints().price["m"].output == 2
