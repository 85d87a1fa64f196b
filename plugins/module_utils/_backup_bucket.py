# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bucket for backups, with what a storage has to protect it. C(client) is boto3's, or one that answers like it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

PUBLIC = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
UNKNOWN = {
    "NotImplemented",
    "MethodNotAllowed",
    "UnsupportedOperation",
    "NotSupported",
    "501",
    "405",
    "InvalidRequest",
}
REFUSED = {"403", "AccessDenied", "SignatureDoesNotMatch", "InvalidAccessKeyId", "Forbidden"}
RULE = "farol-backup"


class BucketError(Exception):
    """The text names the bucket, the cause and the remedy."""


class Bucket:
    def __init__(self, client: Any, params: Mapping[str, Any], dry: bool = False) -> None:
        self.client = client
        self.params = params
        self.name = params["name"]
        self.dry = dry
        self.done: list[str] = []
        self.unsupported: list[str] = []
        self.before: dict[str, Any] = {}
        self.after: dict[str, Any] = {}

    def ensure(self) -> dict[str, Any]:
        created = self._exists()
        # What is not there yet has no settings to compare; a check run tells that it would be made.
        if not (created and self.dry):
            if self.params["block_public_access"]:
                self._setting("public access", self._read_public, PUBLIC, self._write_public)
            if self.params["versioning"]:
                self._setting(
                    "versioning", self._read_versioning, "Enabled", self._write_versioning
                )
            self._setting("lifecycle", self._read_lifecycle, self.rules(), self._write_lifecycle)
        return {
            "changed": bool(self.done),
            "created": created,
            "done": self.done,
            "unsupported": self.unsupported,
            "diff": {"before": self.before, "after": self.after},
        }

    def rules(self) -> list[dict[str, Any]]:
        return [
            {
                "ID": RULE,
                "Status": "Enabled",
                "Filter": {"Prefix": ""},
                "AbortIncompleteMultipartUpload": {
                    "DaysAfterInitiation": self.params["abort_uploads_days"]
                },
                "NoncurrentVersionExpiration": {"NoncurrentDays": self.params["keep_removed_days"]},
            }
        ]

    def _exists(self) -> bool:
        """Whether it had to be made."""
        try:
            self.client.head_bucket(Bucket=self.name)
            return False
        except Exception as error:
            code = _code(error)
            if code in REFUSED:
                raise BucketError(
                    f"bucket {self.name}: the storage refuses the credentials, or it belongs to somebody else; "
                    "correct access_key and secret_key, or choose another name"
                ) from error
            if code not in ("404", "NoSuchBucket", "NotFound"):
                raise BucketError(
                    f"bucket {self.name}: the storage does not answer ({error}); correct endpoint and region"
                ) from error
        self._changed("bucket", "absent", "present", self._create)
        return True

    def _create(self) -> None:
        options: dict[str, Any] = {"Bucket": self.name}
        # AWS takes no constraint for its first region, and needs one for all others.
        if self.params["region"] != "us-east-1":
            options["CreateBucketConfiguration"] = {"LocationConstraint": self.params["region"]}
        self.client.create_bucket(**options)

    def _setting(
        self, what: str, read: Callable[[], Any], wanted: Any, store: Callable[[], None]
    ) -> None:
        try:
            there = read()
            if there != wanted:
                self._changed(what, there, wanted, store)
        except BucketError as error:
            if _code(error.__cause__) not in UNKNOWN:
                raise
            self.done = [name for name in self.done if name != what]
            self.unsupported.append(what)
        except Exception as error:
            if _code(error) not in UNKNOWN:
                raise BucketError(f"bucket {self.name}: {what}: {error}") from error
            self.unsupported.append(what)

    def _changed(self, what: str, there: Any, wanted: Any, store: Callable[[], None]) -> None:
        if not self.dry:
            try:
                store()
            except Exception as error:
                raise BucketError(
                    f"bucket {self.name}: {what} can't be set: {error}; give the key the right to it, or set it by hand"
                ) from error
        self.done.append(what)
        self.before[what], self.after[what] = there, wanted

    def _read(self, ask: Callable[..., Any], absent: str) -> dict[str, Any]:
        try:
            return ask(Bucket=self.name)
        except Exception as error:
            if _code(error) == absent:
                return {}
            raise

    def _read_public(self) -> Any:
        found = self._read(
            self.client.get_public_access_block, "NoSuchPublicAccessBlockConfiguration"
        )
        return found.get("PublicAccessBlockConfiguration")

    def _write_public(self) -> None:
        self.client.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=PUBLIC)

    def _read_versioning(self) -> Any:
        return self.client.get_bucket_versioning(Bucket=self.name).get("Status")

    def _write_versioning(self) -> None:
        self.client.put_bucket_versioning(
            Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
        )

    def _read_lifecycle(self) -> Any:
        """Our rule as it is; others stay as they are."""
        self.others = []
        found = self._read(
            self.client.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"
        )
        rules = found.get("Rules", [])
        self.others = [rule for rule in rules if rule.get("ID") != RULE]
        return [rule for rule in rules if rule.get("ID") == RULE]

    def _write_lifecycle(self) -> None:
        self.client.put_bucket_lifecycle_configuration(
            Bucket=self.name, LifecycleConfiguration={"Rules": [*self.others, *self.rules()]}
        )


def _code(error: BaseException | None) -> str:
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))
