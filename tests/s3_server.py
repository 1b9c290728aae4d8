"""Two S3 servers on this machine, each in a process of its own.

moto's is quick and takes any key. SeaweedFS is a store that people keep their data in: it looks at signatures, and
holds to conditions by code that has nothing to do with moto's.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

KEY_ID, SECRET = "AKIAHEADGATETESTED", "a-secret-that-nobody-may-show"
REGION = "eu-west-2"


@contextmanager
def s3_server() -> Iterator[str]:
    """The server's URL while the block runs."""
    command = [sys.executable, str(Path(__file__).with_name("moto_server.py"))]
    # every test looks for what is in buckets, and moto is told nothing by the environment of the tests
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with (
        tempfile.NamedTemporaryFile() as told,  # not a pipe, which would fill up with its log
        subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT, env=environment) as process,
    ):
        try:
            yield _address(process, Path(told.name))
        finally:
            process.terminate()


def _address(process: subprocess.Popen[bytes], told: Path) -> str:
    for _ in range(3000):
        text = told.read_text()
        if found := re.search(r"http://127\.0\.0\.1:\d+(?=\s)", text):
            return found[0]
        assert process.poll() is None, text
        time.sleep(0.01)
    raise AssertionError("moto did not start")


@contextmanager
def seaweedfs_server() -> Iterator[str]:
    """The URL of SeaweedFS while the block runs; it knows one key, ``KEY_ID``."""
    identity = {"name": "headgate", "credentials": [{"accessKey": KEY_ID, "secretKey": SECRET}], "actions": ["Admin"]}
    parts = ("master", "volume", "filer", "s3")
    ports = _free_ports(2 * len(parts))
    s3_port = ports[parts.index("s3")]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "keys.json").write_text(json.dumps({"identities": [identity]}))
        command = [
            str(Path(sys.executable).with_name("weed")),
            *(
                "-logdir",
                folder,
                "server",
                "-dir",
                folder,
                "-ip",
                "127.0.0.1",
                "-ip.bind",
                "127.0.0.1",
                "-filer",
                "-s3",
            ),
            *(f"-{part}.port={port}" for part, port in zip(parts, ports, strict=False)),
            *(f"-{part}.port.grpc={port}" for part, port in zip(parts, ports[len(parts) :], strict=True)),
            *(f"-s3.config={folder}/keys.json", "-s3.autoCreateBucket=false", "-master.telemetry=false"),
            *("-s3.port.iceberg=0", "-s3.port.lance=0"),  # not served: two servers would want the same port
            *("-master.volumeSizeLimitMB=64", "-volume.max=5000"),  # each bucket takes a few of them
        ]
        with (
            (Path(folder) / "told").open("w") as told,
            subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT) as process,
        ):
            try:
                _wait_for(process, f"http://127.0.0.1:{s3_port}", Path(folder) / "told")
                yield f"http://127.0.0.1:{s3_port}"
            finally:
                process.kill()  # asked to end, it takes its time
                for left in (Path("/tmp").glob(f"seaweedfs-*-{port}.sock") for port in ports):
                    for each in left:
                        each.unlink()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_for(process: subprocess.Popen[bytes], url: str, told: Path) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(url).close()
        except urllib.error.HTTPError as refusal:  # it is there, and wants a signature
            refusal.close()
            return
        except OSError:
            assert process.poll() is None, told.read_text()
            time.sleep(0.1)
    raise AssertionError("SeaweedFS did not start")


def make_bucket(url: str) -> str:
    """A new bucket; its name."""
    from botocore.session import Session  # type: ignore[import-untyped]

    name = f"bucket-{uuid.uuid4().hex[:12]}"
    keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET, "region_name": REGION}
    client = Session().create_client("s3", endpoint_url=url, **keys)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    client.close()
    return name


def environment(url: str) -> dict[str, str]:
    """What a process needs to find the server."""
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
