# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask an S3-compatible storage whether it lets this host into its bucket.

The tools try for up to 15 minutes, say it each in other words, or make a bucket that was misspelt. One signed question
beforehand tells within seconds what is wrong.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import re
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ansible_collections.farol.vps.plugins.module_utils._backup_conf import endpoint

TIMEOUT = 15
EMPTY = hashlib.sha256(b"").hexdigest()


def signed(
    repository: Mapping[str, Any], host: str, path: str, query: Mapping[str, str], stamp: str
) -> dict[str, str]:
    """The headers of a GET, signed as AWS wants it (version 4); C(stamp) is the time as 20261125T040000Z."""
    headers = {"host": host, "x-amz-content-sha256": EMPTY, "x-amz-date": stamp}
    names = ";".join(sorted(headers))
    request = "\n".join(
        [
            "GET",
            quote(path),
            "&".join(f"{quote(k, safe='')}={quote(v, safe='')}" for k, v in sorted(query.items())),
            *(f"{name}:{headers[name]}" for name in sorted(headers)),
            "",
            names,
            EMPTY,
        ]
    )
    scope = f"{stamp[:8]}/{repository['region']}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{repository['secret_key']}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={repository['access_key']}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


def complaint(repository: Mapping[str, Any], timeout: float = TIMEOUT) -> str:
    """What the storage, or the way to it, has against this host; empty where nothing."""
    name, port = endpoint(repository)
    path = "/"
    if repository["uri_style"] == "host":
        name = f"{repository['bucket']}.{name}"
    else:
        path = f"/{repository['bucket']}"
    host = name if port == 443 else f"{name}:{port}"
    query = {"list-type": "2", "max-keys": "1"}
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    try:
        trust = ssl.create_default_context(cafile=repository["ca_file"] or None)
    except OSError as error:
        return f"{repository['ca_file']}: {error.strerror}"
    connection = http.client.HTTPSConnection(name, port, timeout=timeout, context=trust)
    try:
        target = path + "?" + "&".join(f"{k}={v}" for k, v in sorted(query.items()))
        connection.request("GET", target, headers=signed(repository, host, path, query, stamp))
        answer = connection.getresponse()
        body = answer.read(65536).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{host}: {error or type(error).__name__}"
    finally:
        connection.close()
    if answer.status == 200:
        return ""
    code = re.search(r"<Code>([^<]+)</Code>", body)
    kind = code[1] if code else {403: "AccessDenied", 404: "NoSuchBucket"}.get(answer.status, "")
    return (
        f"{host} answers {answer.status} {kind or answer.reason} for bucket {repository['bucket']}"
    )
