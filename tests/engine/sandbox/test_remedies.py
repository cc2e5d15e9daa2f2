"""Remedies of the doctor: each fits the fault and the system."""

from __future__ import annotations

import pytest

from engine.sandbox.remedies import Host, remedy_for

MISSING = ["bubblewrap + Landlock + seccomp: bwrap is not installed"]
FORBIDDEN = ["bubblewrap + Landlock + seccomp: bwrap: setting up uid map: Permission denied"]
NO_NAMESPACE = ["bubblewrap + Landlock + seccomp: bwrap: Creating new namespace failed: Operation not permitted"]
NO_LANDLOCK = ["bubblewrap + Landlock + seccomp: ConfineError: this kernel offers no Landlock"]

UBUNTU = Host("ubuntu", ("debian",), "24.04", apparmor_restricts=True)
FEDORA = Host("fedora", (), "43")
ARCH = Host("arch")
MANJARO = Host("manjaro", ("arch",))
WSL = Host("ubuntu", ("debian",), "22.04", wsl=True)
CONTAINER = Host("debian", (), "12", container=True, root=True)


@pytest.mark.parametrize(
    ("reasons", "host", "says"),
    [
        (MISSING, UBUNTU, "sudo apt install bubblewrap"),
        (MISSING, FEDORA, "sudo dnf install bubblewrap"),
        (MISSING, ARCH, "sudo pacman -S bubblewrap"),
        (MISSING, MANJARO, "sudo pacman -S bubblewrap"),
        (MISSING, WSL, "sudo apt install bubblewrap"),
        (MISSING, Host("plan9"), "package manager"),
        (FORBIDDEN, UBUNTU, "bwrap-userns-restrict"),
        (FORBIDDEN, CONTAINER, "seccomp=unconfined"),
        (NO_NAMESPACE, CONTAINER, "seccomp=unconfined"),
        (NO_NAMESPACE, Host("debian", (), "11", userns_off=True), "user.max_user_namespaces"),
        (NO_NAMESPACE, FEDORA, "user namespaces"),
        (FORBIDDEN, WSL, "wsl --update"),
        (NO_LANDLOCK, WSL, "wsl --update"),
        (NO_LANDLOCK, CONTAINER, "the host's kernel"),
        (NO_LANDLOCK, ARCH, "lsm="),
        (["bubblewrap + Landlock + seccomp: a program could trace itself"], ARCH, "update"),
    ],
)
def test_a_remedy_fits_the_fault_and_the_system(reasons: list[str], host: Host, says: str) -> None:
    remedy = remedy_for(reasons, host)
    assert says in remedy
    assert "\n" not in remedy


def test_root_needs_no_sudo() -> None:
    assert remedy_for(MISSING, CONTAINER) == "install bubblewrap: apt install bubblewrap"


def test_where_nothing_is_amiss_there_is_no_remedy() -> None:
    assert remedy_for([], UBUNTU) == ""


def test_this_machine_is_described_without_an_error() -> None:
    assert isinstance(Host.here().system, str)
