"""Reader of the trainer's state, a file of torch.save whose author may have written anything.

torch.load unpacks whatever a file says it holds, before anything can look at it. This reader takes what `save` writes
and no more: a zip without compression, as large as the optimiser's state can be, tensors within their storages, and a
pickle of plain values that names no other function than the one that makes a tensor.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import torch

_BYTES_A_PARAMETER = 8
"""Two moments in fp32."""
_BYTES_A_TENSOR = 16 << 10
"""Entry and alignment in the file, maps and scales of quantised moments."""
_BYTES_OF_THE_REST = 4 << 20
_MOST_PICKLE = 16 << 20
_DTYPES = {
    "BoolStorage": torch.bool, "ByteStorage": torch.uint8, "CharStorage": torch.int8, "ShortStorage": torch.int16,
    "IntStorage": torch.int32, "LongStorage": torch.int64, "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16, "FloatStorage": torch.float32, "DoubleStorage": torch.float64,
}  # fmt: skip
_CONSTANTS = {"NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE"}
_COLLECTIONS = {"MARK", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS"}
_COLLECTIONS |= {"EMPTY_DICT", "SETITEM", "SETITEMS", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET"}
_OPCODES = {"PROTO", "STOP", "GLOBAL", "REDUCE", "BINPERSID"} | _CONSTANTS | _COLLECTIONS


def most_bytes(parameters: list[torch.nn.Parameter]) -> int:
    """Return the bytes that the trainer's state of these parameters takes on disk, at most."""
    trained = sum(parameter.numel() for parameter in parameters)
    return trained * _BYTES_A_PARAMETER + len(parameters) * _BYTES_A_TENSOR + _BYTES_OF_THE_REST


def read_trainer_state(file: BinaryIO, most: int) -> object:
    """Read the output of torch.save; tensors are on the CPU. `most`: bytes of all that is in it.

    Raises ValueError, zipfile.BadZipFile, pickle.UnpicklingError and whatever pickle raises on values that do not fit.
    """
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > most:
            raise ValueError(f"it unpacks to more than {most / 1e6:.3g} MB")
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("it is compressed")
        by_name = {entry.filename.partition("/")[2]: entry for entry in entries}
        plan = archive.read(by_name["data.pkl"]) if by_name["data.pkl"].file_size <= _MOST_PICKLE else b""
        for opcode, _, _ in pickletools.genops(plan):
            if opcode.name not in _OPCODES:
                raise ValueError(f"its pickle has {opcode.name}")
        if by_name.get("byteorder") is not None and archive.read(by_name["byteorder"]) != b"little":
            raise ValueError("it is of another byte order")

        def record(key: str) -> bytearray:
            entry = by_name[f"data/{key}"]
            content = bytearray(entry.file_size)
            with archive.open(entry) as opened:
                if opened.readinto(content) != len(content) and content:  # type: ignore[attr-defined]
                    raise ValueError("it ends early")
            return content

        return _Unpickler(plan, record).load()


class _Unpickler(pickle._Unpickler):
    """Unpickler in Python: that in C makes room for as many memorised values as a file says there are."""

    def __init__(self, plan: bytes, record: Callable[[str], bytearray]) -> None:
        super().__init__(io.BytesIO(plan))
        self._record = record
        self._storages: dict[str, torch.Tensor] = {}

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        raise pickle.UnpicklingError(f"it names {module}.{name}"[:100])

    def persistent_load(self, pid: Any) -> torch.Tensor:
        """Return the storage that a tensor refers to, as a flat tensor."""
        _, dtype, key, _, count = pid
        if key not in self._storages:
            content = self._record(key)
            if not isinstance(dtype, torch.dtype) or len(content) != count * dtype.itemsize:
                raise ValueError("a storage has another size than it says")
            self._storages[key] = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
        if self._storages[key].dtype != dtype:
            raise ValueError("a storage has two types")
        return self._storages[key]


def _tensor(
    storage: torch.Tensor, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *rest: object
) -> torch.Tensor:
    """Return a tensor within its storage, each of whose elements is there."""
    last, elements = offset, 1
    for extent, step in zip(size, stride, strict=True):
        if extent < 0 or step < 0:
            raise ValueError("a tensor has a negative size")
        last, elements = last + (extent - 1) * step, elements * extent
    if offset < 0 or elements > len(storage) or (elements and last >= len(storage)):
        raise ValueError("a tensor is larger than its storage")
    return storage.as_strided(size, stride, offset)
