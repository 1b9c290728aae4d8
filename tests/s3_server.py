"""A real S3 server on this machine, moto's, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY_ID, SECRET = "AKIAHEADGATETESTED", "a-secret-that-nobody-may-show"


@contextmanager
def s3_server() -> Iterator[str]:
    """The server's URL while the block runs."""
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
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


def make_bucket(url: str) -> str:
    """A new bucket; its name."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    with urllib.request.urlopen(urllib.request.Request(f"{url}/{name}", method="PUT")) as answer:
        assert answer.status == 200
    return name


def environment(url: str) -> dict[str, str]:
    """What a process needs to find the server."""
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_ENDPOINT_URL": url,
        "AWS_REGION": "eu-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
