"""Remedies for weak confinement, chosen by what failed and on which system."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_INSTALL = {
    "debian": "sudo apt install bubblewrap",
    "ubuntu": "sudo apt install bubblewrap",
    "fedora": "sudo dnf install bubblewrap",
    "rhel": "sudo dnf install bubblewrap",
    "arch": "sudo pacman -S bubblewrap",
    "suse": "sudo zypper install bubblewrap",
    "alpine": "apk add bubblewrap",
}
_NAMESPACE_SIGNS = ("uid map", "namespace", "permission denied", "operation not permitted", "no permissions")


@dataclass(frozen=True, slots=True)
class Host:
    """Facts that decide a remedy. `system`, `like`, `version`: ID, ID_LIKE and VERSION_ID of os-release."""

    system: str = ""
    like: tuple[str, ...] = ()
    version: str = ""
    wsl: bool = False
    container: bool = False
    root: bool = False
    apparmor_restricts: bool = False  # kernel.apparmor_restrict_unprivileged_userns, Ubuntu since 23.10
    userns_off: bool = False  # no user namespaces at all: user.max_user_namespaces or unprivileged_userns_clone is 0

    @classmethod
    def here(cls) -> Host:
        release = dict(
            line.split("=", 1) for line in _text("/etc/os-release").splitlines() if "=" in line and line[0] != "#"
        )
        fields = {name: value.strip("\"'") for name, value in release.items()}
        return cls(
            system=fields.get("ID", ""),
            like=tuple(fields.get("ID_LIKE", "").split()),
            version=fields.get("VERSION_ID", ""),
            wsl="microsoft" in _text("/proc/sys/kernel/osrelease").lower(),
            container=any(map(os.path.exists, ("/.dockerenv", "/run/.containerenv"))) or "container" in os.environ,
            root=os.geteuid() == 0,
            apparmor_restricts=_text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").strip() == "1",
            userns_off=any(
                _text(f"/proc/sys/{name}").strip() == "0"
                for name in ("user/max_user_namespaces", "kernel/unprivileged_userns_clone")
            ),
        )


def remedy_for(reasons: Sequence[str], host: Host) -> str:
    """Return the remedy on `host` for the first of `reasons` (why the best level does not hold); empty without one."""
    if not reasons:
        return ""
    first = reasons[0]
    if "not installed" in first:
        return f"install bubblewrap: {_install_command(host)}"
    if any(sign in first.lower() for sign in _NAMESPACE_SIGNS):
        return _allow_namespaces(host)
    if "landlock" in first.lower().partition(":")[2]:
        return _switch_landlock_on(host)
    return "update the kernel and bubblewrap, then run `cure-tui doctor` again; until then this level applies"


def _install_command(host: Host) -> str:
    for name in (host.system, *host.like):
        if name in _INSTALL:
            command = _INSTALL[name]
            return command.removeprefix("sudo ") if host.root else command
    return "use the system's package manager; the package is called bubblewrap"


def _allow_namespaces(host: Host) -> str:
    if host.apparmor_restricts:  # the package apparmor-profiles contains one for bwrap
        return (
            "Ubuntu denies user namespaces to programs without an AppArmor profile; enable the one for bwrap: sudo apt "
            "install apparmor-profiles && sudo ln -s /usr/share/apparmor/extra-profiles/bwrap-userns-restrict "
            "/etc/apparmor.d/ && sudo systemctl reload apparmor"
        )
    if host.userns_off:
        return (
            "enable user namespaces: sudo sysctl -w user.max_user_namespaces=15000 "
            "(on Debian also kernel.unprivileged_userns_clone=1)"
        )
    if host.container:
        return (
            "the container's own seccomp profile forbids namespaces: start it with --security-opt "
            "seccomp=unconfined --security-opt apparmor=unconfined (docker, podman), or run cure-tui outside it"
        )
    if host.wsl:
        return "update WSL's kernel: wsl --update in Windows, then wsl --shutdown"
    return "allow bubblewrap user namespaces: sysctl user.max_user_namespaces, seccomp or AppArmor forbids them now"


def _switch_landlock_on(host: Host) -> str:
    if host.wsl:
        return "WSL2's own kernel has no Landlock before 6.6: wsl --update in Windows, then wsl --shutdown"
    if host.container:
        return "the host's kernel needs Landlock (5.13 or newer, `landlock` in its lsm= list), not the container's"
    return "use a kernel 5.13 or newer with landlock in its lsm= list, as in Fedora, Arch, Ubuntu and Debian 12"


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
