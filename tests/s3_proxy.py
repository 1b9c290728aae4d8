"""A proxy before the S3 server that counts requests, and lets those go wrong that a test names."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

#: What a server says that does not want to, with things in it that no message may show.
ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>no</Message>'
    "<AWSAccessKeyId>AKIAHEADGATETESTED</AWSAccessKeyId><StringToSign>AWS4 string to sign</StringToSign></Error>"
)

CONDITIONS = ("if-match", "if-none-match")


@dataclass
class Fault:
    """What happens to requests of ``method`` whose path contains ``path``, so many ``times``.

    ``lose``: the request is carried out, and the connection cut before its answer.
    """

    method: str
    path: str
    what: Literal["answer", "lose", "cut", "slow"]
    status: int = 0
    code: str = ""
    times: int = 1_000_000
    seconds: float = 0.0
    then: Callable[[], None] | None = None

    def fits(self, method: str, path: str) -> bool:
        return self.times > 0 and method == self.method and self.path in path


class Proxy:
    """Where requests go, and what became of them: ``seen`` holds (method, path).

    ``unconditional``: the store knows no conditions, as old ones do.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target).netloc
        self.faults: list[Fault] = []
        self.seen: list[tuple[str, str]] = []
        self.url = ""
        self.unconditional = False

    def fail(self, *faults: Fault) -> None:
        """From now on these go wrong, and nothing else."""
        self.faults = list(faults)

    def fault_of(self, method: str, path: str) -> Fault | None:
        """What goes wrong with this request, which is counted."""
        self.seen.append((method, path))
        fault = next((f for f in self.faults if f.fits(method, path)), None)
        if fault is not None:
            fault.times -= 1
            if fault.then is not None:
                fault.then()
        return fault

    def requests(self, method: str) -> list[str]:
        """The paths that were asked for with ``method``."""
        return [path.split("?")[0] for seen, path in self.seen if seen == method]


class Handler(BaseHTTPRequestHandler):
    """Passes one request on, or lets it go wrong."""

    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Nowhere."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # a client that was killed
            self.close_connection = True

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fault = self.server.proxy.fault_of(self.command, self.path)
        if fault is not None and fault.what == "cut":
            self.close_connection = True
        elif fault is not None and fault.what == "answer":
            self.answer(fault.status, {}, ANSWER.format(code=fault.code).encode())
        else:
            time.sleep(fault.seconds if fault else 0)
            status, headers, content = self.ask(body)
            if fault is not None and fault.what == "lose":
                self.close_connection = True
            else:
                self.answer(status, headers, content)

    do_PUT = do_POST = do_HEAD = do_DELETE = do_GET  # noqa: N815

    def ask(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(self.server.proxy.target, timeout=60)
        try:
            headers = dict(self.headers.items())
            if self.server.proxy.unconditional:
                headers = {name: value for name, value in headers.items() if name.lower() not in CONDITIONS}
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            if name not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        whole = headers.get("content-length") if self.command == "HEAD" else None
        self.send_header("content-length", whole or str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """Serves one proxy."""

    daemon_threads = True

    def __init__(self, proxy: Proxy) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.proxy = proxy
        proxy.url = f"http://127.0.0.1:{self.server_port}"


@contextmanager
def s3_proxy(target: str) -> Iterator[Proxy]:
    """A proxy before ``target`` while the block runs."""
    proxy = Proxy(target)
    with Server(proxy) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        serving.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            serving.join()
