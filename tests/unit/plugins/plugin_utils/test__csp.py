# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.farol.vps.plugins.filter.csp import FilterModule
from ansible_collections.farol.vps.plugins.plugin_utils._csp import csp_faults

csp = FilterModule().filters()["csp"]
SHA = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="


@pytest.mark.parametrize(
    ("directives", "written"),
    [
        ({}, ""),
        ({"default-src": ["self"]}, "default-src 'self'"),
        ({"default-src": "'self' https:"}, "default-src 'self' https:"),
        (
            {"script-src": ["self", SHA, "strict-dynamic"], "img-src": ["*", "data:"]},
            f"script-src 'self' '{SHA}' 'strict-dynamic'; img-src * data:",
        ),
        (
            {"connect-src": ["self", "wss://*.example.com:443/ws", "api.example.com"]},
            "connect-src 'self' wss://*.example.com:443/ws api.example.com",
        ),
        ({"frame-ancestors": ["none"]}, "frame-ancestors 'none'"),
        (
            {"upgrade-insecure-requests": True, "block-all-mixed-content": False},
            "upgrade-insecure-requests",
        ),
        ({"sandbox": []}, "sandbox"),
        ({"sandbox": ["allow-forms", "allow-scripts"]}, "sandbox allow-forms allow-scripts"),
        (
            {"require-trusted-types-for": ["script"], "trusted-types": ["default"]},
            "require-trusted-types-for 'script'; trusted-types default",
        ),
        ({"report-uri": ["/csp"], "report-to": "main"}, "report-uri /csp; report-to main"),
    ],
)
def test_policies(directives, written):
    assert csp(directives) == written


@pytest.mark.parametrize(
    ("directives", "fault"),
    [
        (
            {"default-scr": ["self"]},
            "default-scr is no directive of CSP Level 3; did you mean default-src?",
        ),
        ({"script-src": ["slef"]}, None),
        ({"script-src": ["unsafe_inline"]}, None),
        ({"script-src": ["self;"]}, "'self;' is no single value"),
        ({"script-src": ["self https:"]}, "'self https:' is no single value"),
        ({"script-src": [""]}, "is no single value"),
        ({"script-src": [7]}, "7 is no single value"),
        ({"script-src": ["nonce-abc"]}, "a nonce that is always the same protects from nothing"),
        ({"script-src": ["'nonce-abc'"]}, "a nonce that is always the same"),
        ({"script-src": ["none", "self"]}, "none stands alone"),
        ({"script-src": []}, "script-src has no value; write [none]"),
        ({"img-src": ["https://$host"]}, "'https://$host' is no source"),
        ({"img-src": ['a"b']}, "is no source"),
        ({"frame-ancestors": ["unsafe-inline"]}, "unsafe-inline has no meaning there"),
        (
            {"upgrade-insecure-requests": ["self"]},
            "takes no value; write upgrade-insecure-requests: true",
        ),
        ("default-src 'self'", "write a dictionary of directives"),
        ({"sandbox": ["a,b"]}, "'a,b' is no single value"),
        ({"default-src": ["wasm-unsafe-evil("]}, "did you mean wasm-unsafe-eval?"),
    ],
)
def test_faults(directives, fault):
    if fault is None:  # a host may have that name
        assert not list(csp_faults(directives))
        return
    with pytest.raises(AnsibleFilterError) as error:
        csp(directives)
    assert fault in str(error.value)
