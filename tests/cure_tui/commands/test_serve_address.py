"""Address of `cure-tui serve`: drawn anew, or the only one that a system has."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from cure_tui.commands.serve import fresh_loopback_address


def test_each_server_gets_another_address_of_this_machine() -> None:
    drawn = [fresh_loopback_address() for _ in range(20)]
    assert all(ipaddress.ip_address(address).is_loopback for address in drawn)
    assert len(set(drawn)) > 15


def test_a_system_with_a_single_loopback_address_gets_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class OneAddress(socket.socket):
        def bind(self, address: Any) -> None:
            if address[0] != "127.0.0.1":
                raise OSError(49, "Can't assign requested address")
            super().bind(address)

    monkeypatch.setattr(socket, "socket", OneAddress)
    assert fresh_loopback_address() == "127.0.0.1"
