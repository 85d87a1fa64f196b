# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The arguments that the modules for Sentry share, and what they make of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.farol.vps.plugins.module_utils import _sentry
from ansible_collections.farol.vps.plugins.module_utils._sentry_http import Api

CONNECTION: dict[str, Any] = {
    "url": {"type": "str", "default": ""},
    "organization": {"type": "str", "default": ""},
    "token": {"type": "str", "required": True, "no_log": True},
    "backend": {"type": "str", "choices": ["sentry", "bugsink"], "default": "sentry"},
    "timeout": {"type": "float", "default": 30},
    "retries": {"type": "int", "default": 5},
    "retry_delay": {"type": "float", "default": 1},
    "rate_limit_wait": {"type": "float", "default": 120},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "use_proxy": {"type": "bool", "default": True},
}


def connect(params: Mapping[str, Any]) -> tuple[_sentry.Account, Api]:
    """Whom to ask, and the way there."""
    account = _sentry.account(
        params["url"], params["organization"], params["token"], params["backend"]
    )
    api = Api(
        account.url,
        account.token,
        timeout=params["timeout"],
        retries=params["retries"],
        first_pause=params["retry_delay"],
        patience=params["rate_limit_wait"],
        options={
            "use_proxy": params["use_proxy"],
            "validate_certs": params["validate_certs"],
            "ca_path": params["ca_path"],
        },
    )
    return account, api
