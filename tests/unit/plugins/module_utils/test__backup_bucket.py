"""A bucket at storages that have all, some or nothing of what protects it; botocore checks what is asked of them."""

from __future__ import annotations

import boto3
import pytest
from ansible_collections.farol.vps.plugins.module_utils._backup_bucket import (
    PUBLIC,
    Bucket,
    BucketError,
)
from botocore.stub import Stubber

PARAMS = {
    "name": "acme-backups",
    "region": "us-east-1",
    "block_public_access": True,
    "versioning": False,
    "keep_removed_days": 14,
    "abort_uploads_days": 3,
}
NAME = {"Bucket": "acme-backups"}


@pytest.fixture
def storage():
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def rules(**more):
    return Bucket(None, {**PARAMS, **more}).rules()


def settled(stub, **more):
    """A storage that has all of it, as wanted."""
    stub.add_response("head_bucket", {}, NAME)
    stub.add_response("get_public_access_block", {"PublicAccessBlockConfiguration": PUBLIC}, NAME)
    stub.add_response("get_bucket_lifecycle_configuration", {"Rules": rules(**more)}, NAME)


def test_nothing_is_done_where_all_is_as_wanted(storage):
    client, stub = storage
    settled(stub)
    assert Bucket(client, PARAMS).ensure() == {
        "changed": False,
        "created": False,
        "done": [],
        "unsupported": [],
        "diff": {"before": {}, "after": {}},
    }


def test_a_bucket_is_made_closed_and_tidied(storage):
    client, stub = storage
    stub.add_client_error("head_bucket", "404", http_status_code=404)
    stub.add_response("create_bucket", {}, NAME)
    stub.add_client_error("get_public_access_block", "NoSuchPublicAccessBlockConfiguration")
    stub.add_response(
        "put_public_access_block", {}, {**NAME, "PublicAccessBlockConfiguration": PUBLIC}
    )
    stub.add_client_error("get_bucket_lifecycle_configuration", "NoSuchLifecycleConfiguration")
    wanted = {**NAME, "LifecycleConfiguration": {"Rules": rules()}}
    stub.add_response("put_bucket_lifecycle_configuration", {}, wanted)
    result = Bucket(client, PARAMS).ensure()
    assert result["changed"] and result["created"]
    assert result["done"] == ["bucket", "public access", "lifecycle"]


def test_other_regions_are_named_and_versions_kept(storage):
    client, stub = storage
    stub.add_client_error("head_bucket", "NoSuchBucket")
    place = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
    stub.add_response("create_bucket", {}, {**NAME, **place})
    stub.add_response("get_bucket_versioning", {}, NAME)
    stub.add_response(
        "put_bucket_versioning", {}, {**NAME, "VersioningConfiguration": {"Status": "Enabled"}}
    )
    stub.add_response("get_bucket_lifecycle_configuration", {"Rules": rules()}, NAME)
    params = {**PARAMS, "region": "eu-central-1", "versioning": True, "block_public_access": False}
    assert Bucket(client, params).ensure()["done"] == ["bucket", "versioning"]


def test_rules_of_others_stay(storage):
    client, stub = storage
    other = {
        "ID": "mine",
        "Status": "Enabled",
        "Filter": {"Prefix": "x"},
        "Expiration": {"Days": 1},
    }
    stub.add_response("head_bucket", {}, NAME)
    stub.add_response("get_public_access_block", {"PublicAccessBlockConfiguration": PUBLIC}, NAME)
    stub.add_response("get_bucket_lifecycle_configuration", {"Rules": [other]}, NAME)
    wanted = {**NAME, "LifecycleConfiguration": {"Rules": [other, *rules()]}}
    stub.add_response("put_bucket_lifecycle_configuration", {}, wanted)
    assert Bucket(client, PARAMS).ensure()["done"] == ["lifecycle"]


def test_what_a_storage_lacks_is_named_and_is_no_failure(storage):
    client, stub = storage
    stub.add_response("head_bucket", {}, NAME)
    stub.add_client_error("get_public_access_block", "NotImplemented")
    stub.add_response("get_bucket_lifecycle_configuration", {"Rules": []}, NAME)
    stub.add_client_error("put_bucket_lifecycle_configuration", "MethodNotAllowed")
    result = Bucket(client, PARAMS).ensure()
    assert result["unsupported"] == ["public access", "lifecycle"] and not result["changed"]


def test_a_check_run_writes_nothing(storage):
    client, stub = storage
    stub.add_client_error("head_bucket", "404")
    assert Bucket(client, PARAMS, dry=True).ensure()["done"] == ["bucket"]
    stub.add_response("head_bucket", {}, NAME)
    stub.add_response("get_public_access_block", {"PublicAccessBlockConfiguration": {}}, NAME)
    stub.add_response("get_bucket_lifecycle_configuration", {"Rules": rules()}, NAME)
    result = Bucket(client, PARAMS, dry=True).ensure()
    assert result["done"] == ["public access"] and result["diff"]["after"] == {
        "public access": PUBLIC
    }


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("403", "refuses the credentials"),
        ("SignatureDoesNotMatch", "refuses the credentials"),
        ("500", "does not answer"),
    ],
)
def test_a_storage_that_refuses(storage, code, said):
    client, stub = storage
    stub.add_client_error("head_bucket", code)
    with pytest.raises(BucketError, match=f"bucket acme-backups: .*{said}"):
        Bucket(client, PARAMS).ensure()


def test_a_right_that_is_missing(storage):
    client, stub = storage
    stub.add_response("head_bucket", {}, NAME)
    stub.add_client_error("get_public_access_block", "AccessDenied")
    with pytest.raises(BucketError, match="bucket acme-backups: public access: "):
        Bucket(client, PARAMS).ensure()
    stub.add_client_error("head_bucket", "404")
    stub.add_client_error("create_bucket", "AccessDenied")
    with pytest.raises(BucketError, match="give the key the right to it"):
        Bucket(client, PARAMS).ensure()
    stub.add_response("head_bucket", {}, NAME)
    stub.add_response("get_public_access_block", {"PublicAccessBlockConfiguration": {}}, NAME)
    stub.add_client_error("put_public_access_block", "AccessDenied")
    with pytest.raises(BucketError, match="public access can't be set"):
        Bucket(client, PARAMS).ensure()
