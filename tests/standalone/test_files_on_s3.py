"""Files in an object store are judged as they are on a disk, with the credentials of the environment."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate import gate
from headgate.errors import CouldNotRunError, DataError, UsageError

SUITE: list[dict[str, Any]] = [
    {"type": "expect_column_values_to_be_between", "kwargs": {"column": "kind", "min_value": 0, "max_value": 5}},
    {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 1000}},
]
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_REGION": "us-east-1"}


@pytest.fixture(scope="module")
def endpoint(forms: Path) -> Iterator[str]:
    """A server that speaks S3, with the forms' Parquet files in the bucket ``shop``."""
    server = pytest.importorskip("moto.server", reason="the package moto is not installed")
    boto3 = pytest.importorskip("boto3", reason="the package boto3 is not installed")
    running = server.ThreadedMotoServer(port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    url = f"http://{host}:{port}"
    client = boto3.client(
        "s3", endpoint_url=url, aws_access_key_id="key", aws_secret_access_key="s3cret", region_name="us-east-1"
    )
    client.create_bucket(Bucket="shop")
    texts = [f"orders.{ending}" for ending in ("csv", "csv.gz", "tsv", "jsonl", "json.gz")]
    (forms / "half.csv").write_bytes(b"id,kind\n1,2\n2,3\n3")
    for name in (*texts, "half.csv", "orders.parquet", "parts/a.parquet", "parts/deep/b.parquet"):
        client.upload_file(str(forms / name), "shop", name)
    yield url
    running.stop()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "AWS_PROFILE",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_S3",
        "AWS_DEFAULT_REGION",
        *KEYS,
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def signed(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)


PLACES = [
    "orders.parquet",
    "parts/**/*.parquet",
    "orders.csv",
    "orders.csv.gz",
    "orders.tsv",
    "*.jsonl",
    "orders.json.gz",
]


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("name", PLACES)
def test_files_and_globs_are_judged_as_on_a_disk(name: str) -> None:
    place = f"s3://shop/{name}"
    result = gate(place, SUITE)
    assert (result.rows, result.data) == (1000, place)
    assert [each.unexpected_count for each in result.results] == [142, None]


@pytest.mark.usefixtures("signed")
def test_what_was_fetched_is_gone_after_and_errors_name_the_object(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gate("s3://shop/orders.csv", SUITE)
    with pytest.raises(DataError) as broken:
        gate("s3://shop/half.csv", SUITE)
    assert "s3://shop/half.csv" in str(broken.value)
    assert str(tmp_path) not in str(broken.value)
    assert list(tmp_path.glob("headgate-*")) == []


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("name", ["orders.csv", "parts/**/*.parquet"])
def test_objects_are_as_old_as_they_were_last_written(name: str) -> None:
    (young,) = gate(f"s3://shop/{name}", [{"freshness": {"max_age": "1h"}}]).results
    assert (young.error, young.success) == (None, True)
    assert not gate(f"s3://shop/{name}", [{"freshness": {"max_age": "0s"}}]).ok


def test_credentials_can_come_from_a_profile(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / ".aws"
    folder.mkdir()
    (folder / "config").write_text(f"[profile shop]\nregion = us-east-1\nendpoint_url = {endpoint}\n")
    (folder / "credentials").write_text("[shop]\naws_access_key_id = key\naws_secret_access_key = s3%cret\n")
    monkeypatch.setenv("AWS_PROFILE", "shop")
    assert gate("s3://shop/orders.parquet", SUITE).rows == 1000
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(UsageError, match="there is no profile nobody"):
        gate("s3://shop/orders.parquet", SUITE)


@pytest.mark.slow
def test_what_is_not_there_or_no_parquet_is_told_without_a_secret(
    endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**KEYS, "AWS_ENDPOINT_URL": endpoint}.items():
        monkeypatch.setenv(name, value)
    for place, what in (
        ("s3://shop/nothing/*.parquet", "there is no file"),
        ("s3://shop/nothing.csv", "there is no file s3://shop/nothing.csv"),
        ("s3://shop/nothing.parquet", "there is no file s3://shop/nothing.parquet"),
        ("s3://shop/orders.xlsx", r"does not say what it is\n  → known: \.csv"),
        ("s3://shop/parts/", r"parts/\*\.parquet for all"),
    ):
        with pytest.raises(UsageError, match=what):
            gate(place, SUITE)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    for place in ("s3://shop/orders.parquet", "s3://shop/orders.csv"):
        with pytest.raises(CouldNotRunError) as unreachable:
            gate(place, SUITE)
        assert "s3cret" not in str(unreachable.value)
