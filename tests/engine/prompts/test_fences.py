"""Fenced blocks: opening fences, closing fences, and the body between them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.prompts.fences import Block, fence, fenced_blocks


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("no block", []),
        ("```\n```", [Block("", "", True)]),
        ("```\n\n\n```", [Block("", "\n", True)]),
        ("```C++ x\na\n```\n```\nb", [Block("c++", "a", True), Block("", "b", False)]),
        ("```\na\n``\nb\n````", [Block("", "a\n``\nb", True)]),
        ("```\na\n```x\n```", [Block("", "a\n```x", True)]),
        ("so ```\na\n```", [Block("", "", False)]),
        ("so: ```\na\n```", [Block("", "a", True)]),
        ("a ```b``` c: ```d```", []),
        ("```\n    ```\n   ```", [Block("", "    ```", True)]),
        ("```sh\na\n```py\nb\n```", [Block("sh", "a", False), Block("py", "b", True)]),
        ("````\n```py\n````", [Block("", "```py", True)]),
    ],
)
def test_blocks_are_read_as_written(text: str, blocks: list[Block]) -> None:
    assert list(fenced_blocks(text)) == blocks


@given(st.text(alphabet="`a \n", max_size=60))
def test_a_fenced_text_reads_back(content: str) -> None:
    (block,) = fenced_blocks(fence(content))
    assert block == Block("", content.removesuffix("\n"), True)
