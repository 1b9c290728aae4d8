"""Ways to a PostgreSQL: encrypted, with its certificate looked at or not, and through a socket of this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headgate.errors import SourceRefusedError
from headgate.lake.engine import Connection
from origin import COLOURS, Origin
from postgres_server import IN_URL, PASSWORD, USER, PostgresServer, running_postgres
from tls_proxy import TlsProxy, tls_proxy

#: The certificate is for this name of the machine, and not for its address.
HOST = "localhost"


def make_certificate(folder: Path) -> None:
    """A key, and a certificate that it signed itself: ``server.key`` and ``server.crt``."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "server.crt").write_bytes(certificate.public_bytes(encoding))
    (folder / "server.key").write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the server's certificate, and ``other``, with one that nobody uses."""
    folder = tmp_path_factory.mktemp("certificates")
    (folder / "other").mkdir()
    make_certificate(folder)
    make_certificate(folder / "other")
    return folder


@pytest.fixture(scope="module")
def sockets() -> Iterator[Path]:
    """A folder for sockets, whose path is short enough for one."""
    with tempfile.TemporaryDirectory(prefix="headgate-socket-") as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sockets: Path) -> Iterator[PostgresServer]:
    """A server that has a socket too."""
    with running_postgres(tmp_path_factory.mktemp("postgres")) as server:
        server.stop()
        server.start(f"unix_socket_directories={sockets}")
        yield server


@pytest.fixture(scope="module")
def proxy(server: PostgresServer, certificates: Path) -> Iterator[TlsProxy]:
    """What stands before the server and wants encryption."""
    with tls_proxy(server.port, certificates / "server.crt", certificates / "server.key") as proxy:
        yield proxy


@pytest.fixture
def own(server: PostgresServer, con: Connection, tmp_path: Path) -> Iterator[Origin]:
    origin = Origin(server, "ways", con, tmp_path)
    origin.execute(COLOURS, "INSERT INTO colours VALUES (1, 'red')")
    yield origin
    origin.execute("DROP SCHEMA ways CASCADE")


def url(proxy: TlsProxy, host: str, **parameters: object) -> str:
    more = "&".join(f"{name}={value}" for name, value in parameters.items())
    return f"postgresql://{USER}:{IN_URL}@{host}:{proxy.port}/postgres?{more}"


def loaded(own: Origin, address: str) -> list[tuple[object, ...]]:
    own.load(url=address)
    return own.raw("colours")


@pytest.mark.parametrize("host", [HOST, "127.0.0.1"])
def test_an_encrypted_connection_is_made(own: Origin, proxy: TlsProxy, host: str) -> None:
    before = proxy.encrypted
    assert loaded(own, url(proxy, host, sslmode="require")) == [(1, "red")]
    assert proxy.encrypted > before


def test_the_servers_certificate_is_held_against_the_root(own: Origin, proxy: TlsProxy, certificates: Path) -> None:
    root = certificates / "server.crt"
    assert loaded(own, url(proxy, "127.0.0.1", sslmode="verify-ca", sslrootcert=root)) == [(1, "red")]
    other = certificates / "other" / "server.crt"
    for host, mode in ((HOST, "verify-full"), ("127.0.0.1", "verify-ca")):
        with pytest.raises(SourceRefusedError, match="certificate verify failed") as caught:
            own.load(url=url(proxy, host, sslmode=mode, sslrootcert=other))
        assert "sslrootcert" in str(caught.value.hint)
        assert PASSWORD not in str(caught.value)


def test_the_servers_name_is_held_against_its_certificate(own: Origin, proxy: TlsProxy, certificates: Path) -> None:
    root = certificates / "server.crt"
    assert loaded(own, url(proxy, HOST, sslmode="verify-full", sslrootcert=root)) == [(1, "red")]
    with pytest.raises(SourceRefusedError, match="does not match host name") as caught:
        own.load(url=url(proxy, "127.0.0.1", sslmode="verify-full", sslrootcert=root))
    assert "sslmode" in str(caught.value.hint)


def test_a_root_that_is_not_there_is_told(own: Origin, proxy: TlsProxy, tmp_path: Path) -> None:
    with pytest.raises(SourceRefusedError, match="root certificate file") as caught:
        own.load(url=url(proxy, HOST, sslmode="verify-full", sslrootcert=tmp_path / "nowhere.crt"))
    assert "sslrootcert" in str(caught.value.hint)


def test_a_server_that_wants_encryption_refuses_a_plain_connection(own: Origin, proxy: TlsProxy) -> None:
    with pytest.raises(SourceRefusedError, match="no encryption") as caught:
        own.load(url=url(proxy, HOST, sslmode="disable"))
    assert "the server lets nobody in from here" in str(caught.value.hint)


def test_a_socket_of_this_machine_is_a_host_too(own: Origin, sockets: Path) -> None:
    address = f"postgresql://{USER}:{IN_URL}@/postgres?host={sockets}&port={own.server.port}"
    assert loaded(own, address) == [(1, "red")]
    escaped = str(sockets).replace("/", "%2F")
    assert own.changes(url=f"postgresql://{USER}:{IN_URL}@{escaped}:{own.server.port}/postgres")["colours"].why is None
