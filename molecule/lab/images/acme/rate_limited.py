#!/usr/bin/env python3
"""An ACME server that takes every account and no order, with the words of Let's Encrypt.

https://www.rfc-editor.org/rfc/rfc8555#section-6.6, https://letsencrypt.org/docs/rate-limits/
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from lab_https import Json, serve

PORT = 14001
WAIT = 34 * 3600


class RateLimited(Json):
    def respond(self) -> None:
        self.body()
        base = f"https://{self.headers['Host']}"
        path, nonce = self.path, {"Replay_Nonce": "bGFiLW5vbmNl", "Cache_Control": "no-store"}
        if path == "/dir":
            names = {"newNonce": "nonce", "newAccount": "account", "newOrder": "order"}
            self.answer(200, {name: f"{base}/{at}" for name, at in names.items()})
        elif path == "/nonce":
            self.answer(200, **nonce)
        elif path == "/account":
            self.answer(201, {"status": "valid"}, Location=f"{base}/account/1", **nonce)
        elif path == "/account/1":
            self.answer(200, {"status": "valid"}, **nonce)
        elif path == "/order":
            self.refuse(429, "rateLimited", self.detail(), Retry_After=str(WAIT), **nonce)
        else:
            self.refuse(404, "malformed", "Page not found", **nonce)

    do_GET = do_HEAD = do_POST = respond

    def refuse(self, status: int, kind: str, detail: str, **headers: str) -> None:
        problem = {
            "type": f"urn:ietf:params:acme:error:{kind}",
            "detail": detail,
            "status": status,
        }
        self.answer(status, problem, Content_Type="application/problem+json", **headers)

    def detail(self) -> str:
        again = datetime.now(timezone.utc) + timedelta(seconds=WAIT)
        return (
            "too many certificates (5) already issued for this exact set of identifiers in the last 168h0m0s, "
            f"retry after {again:%Y-%m-%d %H:%M:%S} UTC: "
            "see https://letsencrypt.org/docs/rate-limits/#new-certificates-per-exact-set-of-identifiers"
        )


if __name__ == "__main__":
    serve(PORT, RateLimited)
