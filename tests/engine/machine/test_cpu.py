"""CPU: instructions for bf16 are read from the kernel's flags."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.machine.cpu import multiplies_bf16


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_bf16 sse\n", True),
        ("flags : amx_tile amx_bf16\n", True),
        ("flags : fpu avx2 avx512f\n", False),
        ("Features\t: fp asimd bf16 i8mm\n", True),
        ("Features\t: fp asimd\n", False),
        ("model name : bf16 in its name alone\n", False),
        ("", False),
    ],
)
def test_bf16_is_found_in_the_flags(tmp_path: Path, text: str, found: bool) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert multiplies_bf16(tmp_path / "cpuinfo") is found


def test_a_system_without_the_file_has_none(tmp_path: Path) -> None:
    assert multiplies_bf16(tmp_path / "none") is False
