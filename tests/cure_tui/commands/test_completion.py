"""Names that shells complete: those of others' runs must not be run."""

from __future__ import annotations

from cure_tui.commands.values import completable


def test_a_name_that_a_shell_would_run_is_not_completed() -> None:
    odd = ["$(touch x)", "\\$(touch x)", "`x`", "a b", "-x", "a;b", "a\nb", "ä", "a'b", 'a"b', "~x", "*", "", "a&b"]
    good = ["nano-20261129-1200-abc", "qwen3-4b@24", "a_b.c+d", "/tmp/x:y,z%1"]
    assert completable([*odd, *good]) == good
