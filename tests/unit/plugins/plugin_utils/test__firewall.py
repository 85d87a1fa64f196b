# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible_collections.farol.vps.plugins.plugin_utils._firewall import networks


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("192.0.2.7/32", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8:0:0::1/32", "2001:db8::/32"),
        ("2001:db8::7/128", "2001:db8::7"),
    ],
)
def test_an_address_has_one_form(written, normal):
    assert networks([written]) == [normal]


def test_families_mix_and_duplicates_go():
    assert networks(["10.0.0.1/8", "::1", "10.0.0.0/8"]) == ["10.0.0.0/8", "::1"]


@pytest.mark.parametrize("wrong", ["10.0.0", "example.com", "10.0.0.0/33", ""])
def test_what_is_no_address_is_named(wrong):
    with pytest.raises(ValueError, match=f"'{wrong}' is no address and no network"):
        networks([wrong])


@pytest.mark.parametrize("everywhere", ["0.0.0.0/0", "::/0"])
def test_every_address_is_an_empty_list(everywhere):
    with pytest.raises(ValueError, match="leave the list empty"):
        networks([everywhere])


@pytest.mark.parametrize(
    ("address", "held"),
    [
        ("10.9.9.9", ["10.0.0.0/8"]),
        ("::ffff:10.9.9.9", ["10.0.0.0/8"]),
        ("fe80::1%eth0", ["fe80::/10"]),
        ("192.0.2.1", []),
    ],
)
def test_only_networks_that_hold_the_address(address, held):
    assert networks(["10.0.0.0/8", "fe80::/10"], address) == held
