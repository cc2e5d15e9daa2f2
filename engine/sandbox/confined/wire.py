"""Messages between the trusted side and a cell: JSON settings and requests, packed records in shared memory.

A request is one datagram of JSON with two memory files attached: the payload (source, then the inputs) and an empty one
for results. The host appends to the results as executions end, so a cell that dies loses only the running execution.
Nothing is pickled, because the cell is not trusted, and the trusted side checks every length it reads. Named tuples
rather than dataclasses, whose import alone would make every fork of the zygote 5 % dearer.
"""

from __future__ import annotations

import marshal
import struct
from typing import NamedTuple

COMPILED = 1
NOT_COMPILED = 2
COMPILE_HEADER = struct.Struct("<II")  # COMPILED or NOT_COMPILED, bytes of message that follow

KILLED_NOT = 0
KILLED_CPU = 1
KILLED_WALL = 2
BUSY_SHARE = 0.01
"""Share of a CPU that a running program gets at least: one that gets less for `TimeLimit.wall` seconds is asleep.
Beside eight busy loops on two cores a program still gets 0.15."""
RECORD_HEADER = struct.Struct("<IiBxxxdddQII")


class Garbled(Exception):
    """A results file in a format that no intact cell writes."""


class Settings(NamedTuple):
    """Settings of a cell, its first message. Times in seconds, sizes in bytes."""

    use_landlock: bool
    use_seccomp: bool
    deny_open: bool
    count_threads: bool
    readable: tuple[str, ...]
    libraries: tuple[str, ...]
    library_paths: tuple[str, ...]
    library_bytes: int
    swallow_prompts: bool
    sticky_after: int
    compile_seconds: float
    memory_bytes: int
    address_bytes: int
    output_bytes: int
    stderr_bytes: int
    stack_bytes: int
    open_files: int
    threads: int

    def to_bytes(self) -> bytes:
        return marshal.dumps(tuple(self))

    @classmethod
    def from_bytes(cls, message: bytes) -> Settings:
        return cls(*marshal.loads(message))


class TimeLimit(NamedTuple):
    """Seconds that one execution may take: CPU time, which decides the verdict, and wall time spent idle."""

    cpu: float
    wall: float


class Request(NamedTuple):
    """One program and its inputs: byte lengths in the payload file, and `strikes`, its time-outs so far."""

    source_bytes: int
    input_bytes: tuple[int, ...]
    strikes: int
    limit: TimeLimit
    sticky_limit: TimeLimit

    def to_bytes(self) -> bytes:
        return marshal.dumps((*self[:3], tuple(self.limit), tuple(self.sticky_limit)))

    @classmethod
    def from_bytes(cls, message: bytes) -> Request:
        source_bytes, input_bytes, strikes, limit, sticky_limit = marshal.loads(message)
        return cls(source_bytes, input_bytes, strikes, TimeLimit(*limit), TimeLimit(*sticky_limit))


class Record(NamedTuple):
    """The kernel's account of one execution: `wait_status` of wait4, `peak_kb` the maximal resident size.

    `cpu_limit`: the CPU seconds that it was given.
    """

    number: int
    wait_status: int
    killed_by: int
    cpu_limit: float
    cpu_seconds: float
    wall_seconds: float
    peak_kb: int
    stdout: bytes
    stderr: bytes


class Results(NamedTuple):
    """Content of a results file. `compiled` is None where the host died before it had compiled."""

    compiled: bool | None
    compile_message: bytes
    records: tuple[Record, ...]


def pack_record_header(record: Record, stdout_bytes: int, stderr_bytes: int) -> bytes:
    """Pack the header of a record; its outputs follow it in the file."""
    return RECORD_HEADER.pack(
        record.number,
        record.wait_status,
        record.killed_by,
        record.cpu_limit,
        record.cpu_seconds,
        record.wall_seconds,
        record.peak_kb,
        stdout_bytes,
        stderr_bytes,
    )


def unpack_results(content: bytes) -> Results:
    """Read a results file, without a last record that is incomplete because the cell died. Raises Garbled."""
    if len(content) < COMPILE_HEADER.size:
        return Results(None, b"", ())
    state, message_bytes = COMPILE_HEADER.unpack_from(content)
    if state not in (COMPILED, NOT_COMPILED):
        raise Garbled(f"compile state {state}")
    position = COMPILE_HEADER.size + message_bytes
    message = content[COMPILE_HEADER.size : position]
    records: list[Record] = []
    while position + RECORD_HEADER.size <= len(content):
        fields = RECORD_HEADER.unpack_from(content, position)
        number, status, killed, cpu_limit, cpu, wall, peak, out_bytes, err_bytes = fields
        out_at = position + RECORD_HEADER.size
        err_at = out_at + out_bytes
        end = err_at + err_bytes
        if end > len(content):
            break
        out, err = content[out_at:err_at], content[err_at:end]
        records.append(Record(number, status, killed, cpu_limit, cpu, wall, peak, out, err))
        position = end
    return Results(state == COMPILED, message, tuple(records))
