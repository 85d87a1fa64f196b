"""What a host has of the wanted hardening, on a file system made here."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.farol.vps.plugins.module_utils._hardening_info import (
    SHARED,
    Host,
    Open,
    stopped,
    unmet,
)


class Tree:
    def __init__(self, root: Path):
        self.root = root

    def write(self, path: str, text: str, mode: int = 0o644) -> Path:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        target.chmod(mode)
        return target


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def found(host: Host, wanted: dict) -> list[tuple[str, str, str]]:
    return [(item.name, item.found, item.reason) for item in host.open_sysctl(wanted)]


def test_a_setting_in_force_is_not_open(tree):
    tree.write("proc/sys/net/ipv4/ping_group_range", "1\t0\n")
    assert found(Host(tree.root), {"net.ipv4.ping_group_range": "1 0"}) == []


def test_a_setting_that_the_kernel_has_not_is_named(tree):
    assert found(Host(tree.root), {"kernel.yama.ptrace_scope": 1}) == [
        ("kernel.yama.ptrace_scope", "", "this kernel has no such setting")
    ]


def test_a_star_stands_for_each_interface(tree):
    for name, value in (("all", 0), ("eth0.5", 1), ("lo", 0)):
        tree.write(f"proc/sys/net/ipv4/conf/{name}/accept_redirects", f"{value}\n")
    assert [
        item.found for item in Host(tree.root).open_sysctl({"net.ipv4.conf.*.accept_redirects": 0})
    ] == ["1"]


def test_a_file_that_wins_is_named(tree):
    tree.write("proc/sys/kernel/sysrq", "176\n")
    tree.write("etc/sysctl.d/10-magic.conf", "kernel.sysrq = 1\n")
    host = Host(tree.root)
    refused = "the kernel refuses the value, or something changed it since boot"
    assert found(host, {"kernel.sysrq": 0}) == [("kernel.sysrq", "176", refused)]
    tree.write("usr/lib/sysctl.d/zzz.conf", "-kernel/sysrq=176\n")
    assert found(host, {"kernel.sysrq": 0})[0][2] == "/usr/lib/sysctl.d/zzz.conf sets it later"
    tree.write("etc/sysctl.d/zzz.conf", "")
    assert found(host, {"kernel.sysrq": 0})[0][2] == refused
    tree.write("etc/sysctl.conf", "kernel.*=176\n")
    assert found(host, {"kernel.sysrq": 0})[0][2] == "/etc/sysctl.conf sets it later"


def test_a_container_has_the_network_for_its_own(tree):
    tree.write("proc/sys/kernel/sysrq", "176\n")
    tree.write("proc/sys/net/ipv4/tcp_syncookies", "0\n")
    host = Host(tree.root, in_container=True)
    reasons = [item[2] for item in found(host, {"kernel.sysrq": 0, "net.ipv4.tcp_syncookies": 1})]
    assert reasons[0] == SHARED
    assert reasons[1].startswith("the kernel refuses")


def test_what_cannot_be_written_is_read_only():
    # The kernel lets nobody write this one, so it is the real thing.
    assert list(Host().open_sysctl({"kernel.ostype": "farol"})) == [
        Open("sysctl", "kernel.ostype", "farol", "Linux", "read-only on this host")
    ]


def test_loaded_modules_are_open(tree):
    tree.write("proc/modules", "usb_storage 86016 0 - Live 0x0\nexfat 1 0 - Live 0x0\n")
    [item] = Host(tree.root).open_modules(["usb-storage", "rds"])
    assert (item.name, item.reason) == ("usb-storage", "loaded before it was forbidden: reboot")


def test_mounts_lack_options(tree):
    tree.write("proc/self/mounts", "tmpfs /tmp tmpfs rw,nosuid 0 0\n")
    options = ["nosuid", "noexec"]
    [tmp, shm] = Host(tree.root).open_mounts({"/tmp": options, "/dev/shm": options})
    assert (tmp.wanted, tmp.found) == ("noexec", "rw,nosuid")
    assert shm.reason == "not a mount of its own"


def test_apparmor_is_open_unless_enabled(tree):
    assert [item.found for item in Host(tree.root).open_apparmor()] == ["disabled"]
    tree.write("sys/module/apparmor/parameters/enabled", "Y\n")
    assert list(Host(tree.root).open_apparmor()) == []


def test_modes_beyond_the_wanted_are_loose(tree):
    tree.write("etc/crontab", "", 0o644)
    tree.write("etc/strict", "", 0o400)
    wanted = {"/etc/crontab": "0600", "/etc/strict": "0600", "/etc/none": "0600"}
    assert Host(tree.root).loose_modes(wanted) == {"/etc/crontab": "0600"}


def test_compilers_are_named_once_by_their_real_path(tree):
    compiler = tree.write("usr/bin/x86_64-linux-gnu-gcc-13", "", 0o755)
    (tree.root / "usr/bin/gcc").symlink_to(compiler.name)
    tree.write("usr/bin/gcc-ar", "", 0o755)
    tree.write("usr/bin/clang-18", "", 0o750)
    assert Host(tree.root).open_compilers() == ["/usr/bin/x86_64-linux-gnu-gcc-13"]
    assert Host(tree.root / "nowhere").open_compilers() == []


def test_overrides_of_compilers_are_known_from_others(tree):
    assert Host(tree.root).limited_compilers() == []
    tree.write(
        "var/lib/dpkg/statoverride",
        "root root 750 /usr/bin/gcc-13\nroot messagebus 4754 /usr/lib/dbus\nroot root 700 /usr/bin/as\n",
    )
    assert Host(tree.root).limited_compilers() == ["/usr/bin/gcc-13"]


def test_a_reboot_is_told_with_its_packages(tree):
    assert Host(tree.root).reboot_required() is None
    tree.write("run/reboot-required", "*** System restart required ***")
    assert Host(tree.root).reboot_required() == []
    tree.write("run/reboot-required.pkgs", "libc6\nlibc6\n")
    assert Host(tree.root).reboot_required() == ["libc6"]


def test_units_that_do_not_run_or_do_not_start_at_boot_are_stopped():
    shown = """Names=cron.service
ActiveState=active
UnitFileState=enabled

Names=auditd.service
ActiveState=failed
UnitFileState=enabled

Names=apparmor.service
ActiveState=inactive
UnitFileState=enabled
ConditionResult=no
ConditionTimestampMonotonic=2145831

Names=acct.service
ActiveState=inactive
UnitFileState=enabled
ConditionResult=no
ConditionTimestampMonotonic=0

Names=aide.timer
ActiveState=active
UnitFileState=disabled
"""
    units = ["cron", "auditd", "apparmor", "acct", "aide.timer", "unknown"]
    assert stopped(units, shown) == ["auditd", "acct", "aide.timer", "unknown"]
    [unit] = unmet(units, shown)
    assert (unit.kind, unit.name, unit.wanted, unit.found) == (
        "service",
        "apparmor",
        "active",
        "inactive",
    )
    assert "systemctl status apparmor" in unit.reason
