"""What the rules on the system promise, asked on the host after a reboot as its users would."""

from __future__ import annotations

import json
import subprocess

import pytest

SETTINGS = {
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.all.log_martians": "1",
    "net.ipv4.conf.all.rp_filter": "1",
    "net.ipv4.conf.default.rp_filter": "1",
    "net.ipv4.conf.eth0.accept_redirects": "0",
    "net.ipv4.conf.eth0.rp_filter": "1",
    "net.ipv4.tcp_rfc1337": "1",
    "net.ipv4.tcp_syncookies": "1",
}
FORWARDING = "net.ipv4.ip_forward"
STRICT_FILES = (
    "/etc/aide/aide.conf",
    "/etc/cron.allow",
    "/etc/systemd/system/farol-aide-check.timer",
    "/etc/systemd/system/farol-mounts.service",
)


@pytest.fixture(scope="module")
def rebooted(lab, server):
    """The host after a reboot, which shows that nothing was set for the moment only."""
    forwarding = server.sysctl(FORWARDING)
    subprocess.run(["docker", "restart", "--time", "20", lab.name], check=True, capture_output=True)
    # Asked from inside: the firewall limits how often SSH may be tried.
    booted = "until systemctl is-system-running | grep -qE 'running|degraded'; do sleep 0.3; done"
    subprocess.run(["docker", "exec", lab.name, "timeout", "300", "sh", "-c", booted], check=True)
    return server, forwarding


def test_nothing_fails_at_boot(rebooted):
    server, _ = rebooted
    assert server.check_output("systemctl --failed --no-legend --plain") == ""


@pytest.mark.parametrize("key", SETTINGS)
def test_settings_win_over_the_images_at_boot(rebooted, key):
    server, _ = rebooted
    assert server.check_output(f"cat /proc/sys/{key.replace('.', '/')}") == SETTINGS[key]


def test_forwarding_is_left_alone(rebooted):
    server, before = rebooted
    assert server.sysctl(FORWARDING) == before
    assert server.run("grep -rl forward /etc/sysctl.d/zz-farol.conf").rc == 1


def test_a_script_in_tmp_does_not_run(rebooted, lab):
    deploy = lab.login("deploy")
    for folder in ("/tmp", "/dev/shm"):
        deploy.check_output(f"printf '#!/bin/sh\\n' >{folder}/try && chmod +x {folder}/try")
        assert "Permission denied" in deploy.run(f"{folder}/try").stderr
        deploy.check_output(f"rm {folder}/try")


def test_users_see_their_own_processes_only(rebooted, lab):
    server, _ = rebooted
    assert lab.login("deploy").run("test -e /proc/1").rc == 1
    server.check_output("gpasswd -a deploy farol-proc")
    try:
        seen = server.run("setpriv --reuid deploy --regid deploy --init-groups test -e /proc/1")
        assert seen.rc == 0
    finally:
        server.check_output("gpasswd -d deploy farol-proc")


def test_a_session_is_still_a_session(rebooted, lab):
    assert lab.login("deploy").check_output("sudo -n id -u") == "0"


def test_compilers_are_roots_also_after_an_upgrade(server, lab):
    server.check_output("as --version")
    assert "Permission denied" in lab.login("deploy").run("as --version").stderr
    server.check_output(
        "DEBIAN_FRONTEND=noninteractive apt-get install -y --reinstall "
        "$(dpkg -S $(readlink -f /usr/bin/as) | cut -d: -f1)"
    )
    assert "Permission denied" in lab.login("deploy").run("as --version").stderr


def test_cron_is_roots(server, lab):
    refused = lab.login("deploy").run("crontab -l")
    assert refused.rc != 0 and "not allowed" in refused.stderr
    assert "no crontab for root" in server.run("crontab -l").stderr
    assert lab.login("deploy").run("ls /etc/cron.d").rc != 0


def test_the_nightly_check_takes_checksums_where_a_reboot_kept_them_from_being_taken(server):
    server.check_output("systemctl stop farol-aide-init; rm -f /var/lib/aide/aide.db")
    server.check_output("systemctl start farol-aide-check")
    assert server.file("/var/lib/aide/aide.db").size > 0


def test_a_changed_file_is_found_and_then_accepted(server):
    server.check_output("systemctl start farol-aide-init")
    server.check_output("systemctl start farol-aide-check")
    server.check_output("echo changed >>/etc/networks")
    try:
        assert server.run("systemctl start farol-aide-check").rc != 0
        report = server.check_output("journalctl -u farol-aide-check -o cat --since -60s")
        assert "/etc/networks" in report
    finally:
        server.check_output("systemctl reset-failed farol-aide-check")
    server.check_output("systemctl start farol-aide-init")
    server.check_output("systemctl start farol-aide-check")


def test_the_rootkit_scan_runs(server):
    server.check_output("systemctl start farol-rootkit-scan")


def test_the_journal_is_kept_and_limited(server):
    server.check_output("test -d /var/log/journal/$(cat /etc/machine-id)")
    journal = server.check_output("journalctl --unit systemd-journald -o cat --since -1d")
    assert "max 64.0M" in journal


def test_upgrades_take_security_and_leave_docker(server):
    run = server.run("unattended-upgrade --dry-run --verbose")
    lines = (run.stdout + run.stderr).splitlines()
    [origins] = [line for line in lines if line.startswith("Allowed origins are")]
    assert "-security" in origins and "-updates" not in origins
    assert "Initial blacklist: docker containerd runc" in lines
    timer = server.check_output("systemctl show --property TimersCalendar apt-daily-upgrade.timer")
    assert timer.count("OnCalendar") == 1 and "04:00:00" in timer


def test_needrestart_lists_and_spares_docker(server):
    assert server.run("needrestart -b").rc == 0
    settings = server.check_output(
        'perl -e \'our %nrconf = (override_rc => {}); do "/etc/needrestart/conf.d/farol.conf" or die $@; '
        'print $nrconf{restart}, grep { "docker.service" =~ /$_/ } keys %{$nrconf{override_rc}}\''
    )
    assert settings.startswith("l") and "docker" in settings


def test_accounting_and_statistics_are_recorded(server):
    server.check_output("systemctl is-active acct sysstat sysstat-collect.timer")


def test_the_run_names_what_the_host_does_not_allow(lab):
    run = lab.playbook("molecule/system/converge.yml", "--tags", "hardening")
    told = " ".join(run.stdout.split())
    assert run.returncode == 0, run.stdout
    assert "changed=0" in told
    assert "sysctl kernel.farol_has_none is absent instead of 1" in told
    assert "instead of 77: the machine''s own, whose kernel this container shares" in told
    assert "rule audit: the kernel is not this host''s own" in told


def test_a_swap_file_is_used_and_then_no_longer(lab, server):
    # A file system of the machine's, since swap on a container's layers is refused.
    file = "/var/lib/docker/swapfile"
    swap = json.dumps({"hardening_swap_size": "16M", "hardening_swap_file": file})
    play = ("molecule/system/converge.yml", "--tags", "hardening_system")
    try:
        for expected in ("changed=1", "changed=0"):
            run = lab.playbook(*play, "-e", swap)
            assert run.returncode == 0 and expected in run.stdout, run.stdout
        assert f"{file} file 16M" in " ".join(lab.inside("swapon --show").split())
        assert server.file(file).mode == 0o600
        assert lab.playbook(*play).returncode == 0
        assert file not in lab.inside("swapon --show")
    finally:
        lab.inside(f"swapoff {file}; rm -f {file}")


def test_a_swap_file_that_could_not_be_made_can_be_given_up(lab):
    swap = json.dumps({"hardening_swap_size": "16M", "hardening_swap_file": "/swapfile"})
    play = ("molecule/system/converge.yml", "--tags", "hardening_system")
    try:
        run = lab.playbook(*play, "-e", swap)
        assert run.returncode != 0 and "systemctl restart farol-swap" in run.stdout, run.stdout
        run = lab.playbook(*play)
        assert run.returncode == 0, run.stdout
    finally:
        lab.inside("rm -f /swapfile")


def test_rules_go_and_come_back(lab, server):
    waivers = json.dumps({"hardening_level": "baseline"})
    run = lab.playbook("molecule/system/converge.yml", "--tags", "hardening", "-e", waivers)
    assert run.returncode == 0, run.stdout
    for path in STRICT_FILES:
        assert not server.file(path).exists, path
    assert server.run("systemctl is-active farol-aide-check.timer").stdout.strip() == "inactive"
    assert "no crontab" in lab.login("deploy").run("crontab -l").stderr
    assert lab.login("deploy").run("as --version").rc == 0
    waivers = json.dumps({"hardening_waivers": {"cron_users": "an application has a crontab"}})
    run = lab.playbook("molecule/system/converge.yml", "--tags", "hardening", "-e", waivers)
    assert run.returncode == 0, run.stdout
    assert not server.file("/etc/cron.allow").exists
    assert server.file("/etc/aide/aide.conf").exists
    assert server.run("systemctl is-active farol-aide-check.timer").rc == 0
    assert lab.login("deploy").run("as --version").rc != 0
    assert lab.playbook("molecule/system/converge.yml", "--tags", "hardening").returncode == 0
    assert server.file("/etc/cron.allow").exists
