"""TLS before a PostgreSQL that was built without it, as a connection pooler or a cloud's proxy has it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

#: What a client sends that wants TLS: the length of the message, and the number that stands for the wish.
SSL_REQUEST = bytes([0, 0, 0, 8, 4, 210, 22, 47])
_CHUNK = 65536


class TlsProxy:
    """Listens on a port of this machine and hands over to ``target``; without TLS nobody gets in."""

    def __init__(self, target: int, certificate: Path, key: Path) -> None:
        self._target = target
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        #: How many connections were encrypted.
        self.encrypted = 0

    def serve(self) -> None:
        """Take connections until the listener is closed."""
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=(client,), daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _connect(self, client: socket.socket) -> None:
        with client:
            if client.recv(len(SSL_REQUEST)) != SSL_REQUEST:
                client.sendall(_error("28000", "no pg_hba.conf entry for this host, no encryption"))
                return
            client.sendall(b"S")
            try:
                with self._context.wrap_socket(client, server_side=True) as inner:
                    self.encrypted += 1
                    self._hand_over(inner)
            except OSError:  # the client does not like the certificate, or is gone
                return

    def _hand_over(self, client: ssl.SSLSocket) -> None:
        with socket.create_connection(("127.0.0.1", self._target)) as server:
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join(10)


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _error(code: str, text: str) -> bytes:
    """PostgreSQL's own message of an error that ends a connection."""
    fields = f"SFATAL\0VFATAL\0C{code}\0M{text}\0\0".encode()
    return b"E" + (len(fields) + 4).to_bytes(4) + fields


@contextlib.contextmanager
def tls_proxy(target: int, certificate: Path, key: Path) -> Iterator[TlsProxy]:
    """A proxy while the block runs."""
    proxy = TlsProxy(target, certificate, key)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(10)
