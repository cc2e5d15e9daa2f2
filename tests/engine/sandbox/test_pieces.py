"""Parts that need no process: cache, wire format, seccomp filters of both architectures."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.sandbox import Outcome, Status
from engine.sandbox.cache import OutcomeCache, pair_digest
from engine.sandbox.confined import wire
from engine.sandbox.confined.confine import EPERM, _filter_of_program, _filter_of_zygote
from engine.sandbox.confined.syscalls import AUDIT_ARCH, numbers_for


def test_a_digest_depends_on_where_source_ends_and_input_begins() -> None:
    assert pair_digest(b"ab", b"c", 1.0) != pair_digest(b"a", b"bc", 1.0)
    assert pair_digest(b"ab", b"c", 1.0) == pair_digest(b"ab", b"c", 1.0)
    assert pair_digest(b"ab", b"c", 1.0) != pair_digest(b"ab", b"c", 2.0)


def test_the_cache_forgets_the_least_recently_used_and_stays_within_its_bytes() -> None:
    cache = OutcomeCache(max_bytes=10_000)
    for name in (b"a", b"b", b"c"):
        cache.put(name, Outcome(Status.OK, stdout="x" * 2000))
    assert cache.get(b"a") is not None
    cache.put(b"d", Outcome(Status.OK, stdout="x" * 4000))
    assert cache.get(b"b") is None
    assert cache.get(b"a") is not None
    cache.put(b"e", Outcome(Status.OK, stdout="x" * 20_000))
    assert len(cache) == 0


RECORD = wire.Record(0, 0, wire.KILLED_NOT, False, 0.5, 0.6, 9000, b"out", b"err")


def results_file(records: int) -> bytes:
    record = wire.pack_record_header(RECORD, 3, 3) + b"outerr"
    return wire.COMPILE_HEADER.pack(wire.COMPILED, 0) + record * records


def test_results_come_back_as_they_were_written() -> None:
    assert wire.unpack_results(results_file(2)).records == (RECORD, RECORD)


@given(st.integers(0, len(results_file(3)) - 1))
def test_a_torn_results_file_yields_its_whole_records(length: int) -> None:
    found = wire.unpack_results(results_file(3)[:length])
    assert found.records == (RECORD,) * len(found.records)
    assert len(found.records) < 3


@given(st.tuples(st.sampled_from([b"", results_file(0), results_file(2)]), st.binary(max_size=300)).map(b"".join))
def test_of_any_bytes_all_is_read_that_is_whole_and_the_rest_refused_or_left(content: bytes) -> None:
    state, message_bytes = wire.COMPILE_HEADER.unpack_from(content.ljust(wire.COMPILE_HEADER.size, b"\0"))
    if len(content) < wire.COMPILE_HEADER.size:
        assert wire.unpack_results(content) == wire.Results(None, b"", ())
        return
    if state not in (wire.COMPILED, wire.NOT_COMPILED):
        with pytest.raises(wire.Garbled, match=f"compile state {state}"):
            wire.unpack_results(content)
        return
    results = wire.unpack_results(content)
    body = content[wire.COMPILE_HEADER.size :]
    assert results.compiled is (state == wire.COMPILED)
    assert results.compile_message == body[:message_bytes]
    left = body[message_bytes:]
    for record in results.records:
        size = wire.RECORD_HEADER.size
        assert record.stdout + record.stderr == left[size : size + len(record.stdout) + len(record.stderr)]
        left = left[size + len(record.stdout) + len(record.stderr) :]
    if len(left) >= wire.RECORD_HEADER.size:
        *_, out_bytes, err_bytes = wire.RECORD_HEADER.unpack_from(left)
        assert wire.RECORD_HEADER.size + out_bytes + err_bytes > len(left)


def verdict(program: list[tuple[int, int, int, int]], arch: int, number: int, *arguments: int) -> int:
    """Evaluate a filter as the kernel does: 0x7FFF0000 allow, 0x5xxxx errno, 0x80000000 kill."""
    data = struct.pack("<IIQ6Q", number, arch, 0, *arguments, *[0] * (6 - len(arguments)))
    at, accumulator = 0, 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        if code == 0x06:
            return constant
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
        else:
            holds = {
                0x15: accumulator == constant,
                0x35: accumulator >= constant,
                0x45: accumulator & constant != 0,
            }[code]
            at += if_true if holds else if_false


ALLOW, DENY = 0x7FFF0000, 0x50000 | EPERM


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_filters_of_both_architectures_decide_alike(machine: str) -> None:
    calls, arch = numbers_for(machine), AUDIT_ARCH[machine]
    outer, inner = _filter_of_zygote(machine), _filter_of_program(machine, deny_open=False)

    def decide(name: str, *arguments: int) -> int:
        verdicts = [verdict(program, arch, calls[name], *arguments) for program in (outer, inner)]
        return min(verdicts, key=lambda action: action & 0x7FFF0000)

    for name in (
        "read",
        "write",
        "mmap",
        "openat",
        "futex",
        "exit_group",
        "clock_gettime",
        "getrandom",
        "wait4",
    ):
        assert decide(name) == ALLOW
    for name in ("memfd_create", "pidfd_open", "seccomp", "setsid", "sendmsg", "prctl"):
        assert verdict(outer, arch, calls[name]) == ALLOW
        assert decide(name) == DENY
    assert decide("clone", 0x3D0F00) == ALLOW  # the flags of pthread_create
    assert decide("clone", 17) == DENY
    assert decide("clone", 0x10000000 | 0x10000) == DENY
    assert decide("clone3") == 0x50000 | 38
    assert decide("kill", 1) == DENY
    assert decide("kill", 0xFFFFFFFE) == ALLOW  # stands for the own pid
    assert decide("socketpair", 1) == ALLOW
    assert decide("socketpair", 2) == DENY
    assert decide("fcntl", 0, 8) == DENY
    assert decide("sendto", 3, 0, 0, 0, 0x1_0000_0000) == DENY
    assert decide("prlimit64", 1) == DENY


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_zygotes_filter_is_an_allow_list(machine: str) -> None:
    program, arch = _filter_of_zygote(machine), AUDIT_ARCH[machine]
    allowed = set(numbers_for(machine).values())
    assert all(verdict(program, arch, number) == DENY for number in range(600) if number not in allowed)
    assert verdict(program, arch ^ 1, 0) == 0x80000000
    assert verdict(program, arch, 0x40000000) == 0x80000000


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_where_nothing_tells_files_apart_none_can_be_opened(machine: str) -> None:
    program = _filter_of_program(machine, deny_open=True)
    assert verdict(program, AUDIT_ARCH[machine], numbers_for(machine)["openat"]) == DENY
