# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._preflight import (
    Login,
    logins,
    unknown_variables,
    unreachable,
    unsupported,
)

ROLES = ["app", "app_release", "nginx"]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("app_root", None),
        ("apps", None),
        ("application", None),
        ("__app_result", None),
        ("app_release_bake", None),
        ("nginx_sites", None),
        ("ansible_app_root", None),
        ("app_rot", "app_rot: the role app has no such option; did you mean app_root?"),
        ("app_zzz", "app_zzz: the role app has no such option"),
    ],
)
def test_only_unknown_variables_of_a_checked_role_are_faults(name, fault):
    faults = unknown_variables([name], {"app": ["apps", "app_root"]}, ROLES)
    assert faults == ([fault] if fault else [])


def test_the_longest_role_name_owns_a_variable():
    checked = {"app": ["app_root"], "app_release": ["app_release_bake"]}
    assert unknown_variables(["app_release_bak"], checked, ROLES) == [
        "app_release_bak: the role app_release has no such option; did you mean app_release_bake?"
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "ssh: connect to host 203.0.113.5 port 22: Connection refused",
            "connection refused; if it answered a moment ago, that is UFW, which lets an address connect six times within "
            "30 seconds: wait that long; else start sshd on the host, or correct ansible_port",
        ),
        (
            "Received disconnect from 203.0.113.5 port 22:2: Too many authentication failures",
            "it takes no more keys after the first few, which were others; set ansible_ssh_private_key_file, and "
            "ansible_ssh_common_args: -o IdentitiesOnly=yes",
        ),
        (
            "ssh: connect to host 203.0.113.5 port 22: Connection timed out",
            "no answer; check that the host is up, its address, and the firewalls in between",
        ),
        (
            "ssh: Could not resolve hostname vps.invalid: Name or service not known",
            "its name does not resolve; correct ansible_host or the DNS record",
        ),
        (
            "root@203.0.113.5: Permission denied (publickey).",
            "it refuses the key; put the public key into its authorized_keys, or correct "
            "ansible_user or the key file",
        ),
        (
            "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@\n"
            "Host key verification failed.",
            "its host key has changed; if you rebuilt the host, remove the old key with "
            "ssh-keygen -R 203.0.113.5",
        ),
        (
            "No ED25519 host key is known for 203.0.113.5 and you have requested strict checking."
            "\nHost key verification failed.",
            "its host key is not known; compare its fingerprint and log in once with ssh, or add "
            "it to known_hosts",
        ),
        (
            "WARNING: UNPROTECTED PRIVATE KEY FILE!\nroot@h: Permission denied (publickey).",
            "the private key is readable by others; chmod 600 the key file",
        ),
        (
            "kex_exchange_identification: Connection closed by remote host",
            "it closed the connection; check its sshd log, and whether fail2ban has banned this "
            "address",
        ),
        ("first line\nsomething new\n\n", "something new"),
        ("", "no reason given"),
    ],
)
def test_one_line_names_the_host_and_the_remedy(said, told):
    line = unreachable("web1", "203.0.113.5", 22, "deploy", said)
    assert line == f"web1 (203.0.113.5 port 22, user deploy) is unreachable: {told}"


def facts(name, version):
    return {
        "distribution": name,
        "distribution_version": version,
        "distribution_major_version": version.split(".")[0],
    }


@pytest.mark.parametrize(
    ("name", "version"),
    [("Ubuntu", "22.04"), ("Ubuntu", "26.04"), ("Debian", "12.11"), ("Debian", "13")],
)
def test_supported_distributions_pass(name, version):
    assert unsupported(facts(name, version)) == ""


@pytest.mark.parametrize(
    ("name", "version"),
    [("Ubuntu", "20.04"), ("Ubuntu", "22.10"), ("Debian", "11"), ("Alpine", "3.22")],
)
def test_others_are_refused_by_name_with_the_list(name, version):
    assert unsupported(facts(name, version)) == (
        f"{name} {version} is not supported; supported are Ubuntu 22.04, 24.04, 26.04; "
        "Debian 12, 13"
    )


def test_the_inventorys_login_is_tried_first_and_each_other_once():
    assert logins(Login("deploy", 2222), ["root", "deploy"], [22]) == [
        ("deploy", 2222),
        ("deploy", 22),
        ("root", 2222),
        ("root", 22),
    ]
    assert logins(Login("root", 22), ["root"], [22]) == [("root", 22)]
