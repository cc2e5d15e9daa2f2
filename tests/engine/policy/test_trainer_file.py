"""Reader of the trainer's state: what `save` wrote comes back, and nothing that others may write takes more."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.policy.trainer_file import most_bytes, read_trainer_state

MOST = 1 << 20
_REFUSALS = (ValueError, KeyError, TypeError, zipfile.BadZipFile, pickle.UnpicklingError, EOFError, OverflowError)


def saved(value: object) -> bytes:
    output = io.BytesIO()
    torch.save(value, output)
    return output.getvalue()


def rewritten(content: bytes, *, compression: int = zipfile.ZIP_STORED, **entries: bytes) -> bytes:
    """Return the zip with other entries; a dot in a name is written as "_"."""
    output = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(output, "w", compression) as new:
        for each in old.infolist():
            short = each.filename.partition("/")[2].replace(".", "_").replace("/", "_")
            new.writestr(each.filename, entries.get(short, old.read(each)))
    return output.getvalue()


def plan_of(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith("data.pkl"))
        return archive.read(name)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return bool(torch.equal(one, other)) and one.dtype == other.dtype
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.uint8, torch.int64, torch.bool])
def test_a_state_comes_back_as_torch_reads_it(dtype: torch.dtype) -> None:
    whole = torch.arange(24).reshape(4, 6).to(dtype)
    state = {"a": whole, "part": whole[1:, 2:5], "turned": whole.T, "none": torch.empty(0), "one": torch.tensor(1.5),
             "rest": [1, -2, 3.5, True, None, "text", (1, 2), {"x": 1 << 40}]}  # fmt: skip
    content = saved(state)
    ours = read_trainer_state(io.BytesIO(content), MOST)
    assert same(ours, torch.load(io.BytesIO(content), weights_only=True))


def test_the_state_of_an_optimiser_fits_its_bound_and_is_read_from_an_open_file(tmp_path: Path) -> None:
    parameters = [torch.nn.Parameter(torch.randn(size)) for size in ((64, 8), (8, 32), (1,))]
    optimiser = torch.optim.AdamW(parameters)
    for each in parameters:
        each.grad = torch.ones_like(each)
    optimiser.step()
    state = {"optimiser": optimiser.state_dict(), "torch_rng": torch.get_rng_state()}
    (tmp_path / "state.pt").write_bytes(saved(state))
    with open(tmp_path / "state.pt", "rb") as file:
        assert same(read_trainer_state(file, most_bytes(parameters)), state)


def test_a_state_that_is_larger_than_its_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="unpacks to more than"):
        read_trainer_state(io.BytesIO(saved({"a": torch.zeros(MOST)})), MOST)


def test_a_compressed_state_is_refused_before_it_is_unpacked() -> None:
    content = rewritten(saved({"a": torch.zeros(1000)}), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="compressed"):
        read_trainer_state(io.BytesIO(content), MOST)


@pytest.mark.parametrize(
    "value",
    [
        Call(bytearray, 1 << 40),
        Call(print, "x"),
        Call(torch.zeros, 10),
        Call(torch._utils._rebuild_tensor_v2, 1, 0, (2,), (1,), False, {}),  # noqa: SLF001
        {1, 2},
        b"bytes",
        "x".__class__,
    ],
    ids=lambda value: str(getattr(value, "call", value))[:30],
)
def test_a_pickle_that_is_more_than_plain_values_and_tensors_is_refused(value: object) -> None:
    content = rewritten(saved({"a": 1}), data_pkl=pickle.dumps({"a": value}, protocol=2))
    with pytest.raises((*_REFUSALS, AttributeError)):
        read_trainer_state(io.BytesIO(content), MOST)


@pytest.mark.parametrize("protocol", [4, 5])
def test_a_pickle_of_a_later_protocol_is_refused(protocol: int) -> None:
    value = {"a": bytearray(10)} if protocol == 5 else {"a": frozenset({1})}
    content = rewritten(saved({"a": 1}), data_pkl=pickle.dumps(value, protocol))
    with pytest.raises(ValueError, match="its pickle has"):
        read_trainer_state(io.BytesIO(content), MOST)


def test_places_to_remember_that_are_far_apart_take_no_memory() -> None:
    plan = b"\x80\x02K\x01r" + struct.pack("<I", 0xFFFFFFF0) + b"."
    assert read_trainer_state(io.BytesIO(rewritten(saved({"a": 1}), data_pkl=plan)), MOST) == 1


def test_a_storage_of_another_size_than_it_says_is_refused() -> None:
    content = saved({"a": torch.arange(8, dtype=torch.float32)})
    for record in (bytes(4), bytes(4000), b""):
        with pytest.raises(ValueError, match="another size"):
            read_trainer_state(io.BytesIO(rewritten(content, data_0=record)), MOST)


@pytest.mark.parametrize(
    ("offset", "size", "stride"), [(1, 8, 1), (0, 9, 1), (0, 1000, 0), (0, 4, 3), (9, 0, 1), (0, 255, 255)]
)
def test_a_tensor_beyond_its_storage_is_refused(offset: int, size: int, stride: int) -> None:
    plan = plan_of(saved({"a": torch.arange(8, dtype=torch.float32)}))
    as_written = b"K\x00K\x08\x85"
    assert plan.count(as_written) == 1
    at = plan.index(as_written)
    end = plan.index(b"\x89", at)  # False: requires_grad
    number = lambda value: b"K" + bytes([value]) if value < 256 else b"M" + struct.pack("<H", value)  # noqa: E731
    other = plan[:at] + number(offset) + number(size) + b"\x85" + number(stride) + b"\x85" + plan[end:]
    content = rewritten(saved({"a": torch.arange(8, dtype=torch.float32)}), data_pkl=other)
    if (offset, size) == (9, 0):
        found = read_trainer_state(io.BytesIO(content), MOST)
        assert isinstance(found, dict)
        assert found["a"].numel() == 0
        return
    with pytest.raises(ValueError, match="larger than its storage"):
        read_trainer_state(io.BytesIO(content), MOST)


def test_a_torn_file_is_refused_wherever_it_ends() -> None:
    content = saved({"a": torch.arange(100), "b": [1, 2]})
    for end in range(0, len(content), 37):
        with pytest.raises(_REFUSALS):
            read_trainer_state(io.BytesIO(content[:end]), MOST)
