"""The URL of a database, taken apart in one place before any library sees it.

Libraries differ in where a password ends that holds a ``/``, ``#``, ``?``, ``@`` or a stray ``%``: one reads a
part of it as the host, the port or the database, and says so in its error. So what can be read in more than one
way is refused here, by an error that shows nothing of it.
Source: https://www.postgresql.org/docs/18/libpq-connect.html#LIBPQ-CONNSTRING-URIS
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote, urlsplit

_ELSEWHERE = {"postgresql": "PGPASSWORD or ~/.pgpass", "postgres": "PGPASSWORD or ~/.pgpass", "mysql": "MYSQL_PWD"}
_SECRETS = frozenset({"password", "sslpassword", "oauth_client_secret"})
#: What may stand beside a password in a query. Anything else there may be a piece of a password that holds a ``&``.
_PARAMETERS = _SECRETS | {
    "user", "host", "hostaddr", "port", "dbname", "options", "application_name", "client_encoding", "connect_timeout",
    "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "channel_binding", "require_auth", "gssencmode",
    "target_session_attrs", "load_balance_hosts", "keepalives", "keepalives_idle", "keepalives_interval",
}  # fmt: skip
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})|%00")
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")
_PORT = re.compile(r"[^\[\]:]*(:\d*)?|\[[0-9A-Fa-f:.%]*\](:\d*)?")
_PLAIN_WORD = re.compile(r"[A-Za-z]{1,11}|\d+")
#: Words that stand in errors about databases: to hide one of them would show that it is the password.
_OF_ERRORS = re.compile(
    r"(pass(word)?|user(name)?|host|port|address|database|postgres(ql)?|mysql|mariadb|server|source|login|connection"
    r"|right|name|with|from|that|this|wrong)|\d+",
    re.IGNORECASE,
)
_TO_LAST_AT = re.compile(r"://.*@", re.DOTALL)
_SHORTEST, _LONG = 4, 8
MASK = "***"


class UnclearUrlError(ValueError):
    """A URL that can be read in more than one way. Neither text holds anything of it but a known scheme."""

    def __init__(self, what: str, hint: str) -> None:
        self.hint = hint
        super().__init__(what)


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A URL and its parts; ``user``, ``password`` and ``database`` are decoded, the others are as they stand."""

    scheme: str
    user: str | None
    password: str | None
    place: str
    database: str
    query: str

    def beside(self, database: str) -> str:
        """The URL of another database of the same server."""
        return replace(self, database=database).text()

    def shown(self) -> str:
        """The URL as it may be shown."""
        hidden = [f"{name}={MASK if name in _SECRETS else value}" for name, value in _pairs(self.query)]
        return replace(self, query="&".join(hidden)).text(password=MASK if self.password else None)

    def text(self, *, password: str | None = None) -> str:
        """The URL, percent-encoded; ``password`` stands in place of its own, as it is."""
        own = None if self.password is None else quote(self.password, safe="")
        secret = password or own
        login = "" if self.user is None else f"{quote(self.user, safe='')}{'' if secret is None else f':{secret}'}@"
        path = f"/{quote(self.database, safe='')}" if self.database else ""
        return f"{self.scheme}://{login}{self.place}{path}{f'?{self.query}' if self.query else ''}"


def is_database_url(text: str) -> bool:
    """Whether a text is meant to be the URL of a database server.

    >>> is_database_url("postgresql+psycopg://h/d"), is_database_url("sqlite:///a#b.db")
    (True, False)
    """
    scheme, separator, _ = text.partition("://")
    return bool(separator) and scheme.lower().partition("+")[0] in _ELSEWHERE


def take_apart(url: str) -> DatabaseUrl:
    """The parts of the URL of a database server.

    >>> take_apart("postgresql://me:p%40ss@db:5432/orders?sslmode=require")  # doctest: +ELLIPSIS
    DatabaseUrl(scheme='postgresql', user='me', password='p@ss', place='db:5432', database='orders', query='ssl...')

    Raises:
        UnclearUrlError: it is none, or can be read in more than one way.
    """
    if not is_database_url(url):
        raise UnclearUrlError("this is no URL of a database", "write postgresql://user:password@host:5432/database")
    scheme, _, rest = url.partition("://")
    kind = scheme.lower().partition("+")[0]
    if why := _unclear(rest):
        raise UnclearUrlError(
            f"this URL {kind}://… cannot be taken apart: {why}",
            "percent-encode user and password (%23 for #, %25 for %, %26 for &, %2F for /, %3A for :, %3F for ?, "
            f"%40 for @), or leave the password out and give it by {_ELSEWHERE[kind]}",
        )
    before, _, query = rest.partition("?")
    authority, _, database = before.partition("/")
    login, at, place = authority.rpartition("@")
    user, colon, password = login.partition(":")
    return DatabaseUrl(
        scheme, unquote(user) if at else None, unquote(password) if colon else None, place, unquote(database), query
    )


def secrets_of(text: str) -> set[str]:
    """Texts that must not be shown, of any text that holds a URL, whoever will read it and however.

    A password that is short, or a word of errors, is hidden only together with what stands around it in the URL: alone
    it is no other than the words of an error, and to hide these would show it.

    >>> sorted(secrets_of("mailto://me:s3cret-pw@host")), sorted(secrets_of("mailto://me:pass@host"))
    (['s3cret-pw'], ['mailto://me:pass@host', 'me:pass@'])
    """
    _, separator, rest = text.partition("://")
    if not separator:
        return set()
    logins = {rest.rpartition("@")[0]}
    try:
        parts = urlsplit(text)
        logins.add(parts.netloc.rpartition("@")[0])
        values = [value for name, value in _pairs(parts.query) if name in _SECRETS]
    except ValueError:  # brackets that are no IPv6 address
        values = []
    found: set[str] = set()
    for login in logins:
        _, colon, password = login.partition(":")
        if colon and password and not _can_be_hidden(password):
            found |= {text, f"{login}@"}
        if colon and password:
            values.append(password)
    if values:
        found |= {each for value in values for each in (value, unquote(value)) if _can_be_hidden(each)}
        found |= set() if found else {text}
    return found


def _can_be_hidden(password: str) -> bool:
    return len(password) >= _SHORTEST and not _OF_ERRORS.fullmatch(password)


def is_telling(secret: str) -> bool:
    """Whether what may be a secret, or only a host, is told from words: not short, neither a plain word nor a number.

    >>> is_telling("hunter2"), is_telling("password"), is_telling("5432"), is_telling("x-y")
    (True, False, False, False)
    """
    return len(secret) >= _SHORTEST and not _PLAIN_WORD.fullmatch(secret)


def mask(text: str, secrets: set[str] | frozenset[str]) -> str:
    """Hide every secret in a text, a short one only where it stands as a word.

    >>> mask("login failed: user:hunter2@host, is the password right?", {"hunter2", "pass"})
    'login failed: user:***@host, is the password right?'
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LONG:
            text = text.replace(secret, MASK)
        elif secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    return text


def said_without(text: str, url: str) -> str:
    """What a library said, without anything that stands before an ``@`` in a URL, and without the secrets of ``url``.

    >>> said_without('no "postgresql://me:pa@ss@host/db"', "postgresql://me:hush@h")
    'no "postgresql://***@host/db"'
    """
    return mask(_TO_LAST_AT.sub(f"://{MASK}@", text), secrets_of(url))


def _unclear(rest: str) -> str | None:
    """Why what follows the scheme can be read in more than one way; None if it cannot."""
    beginning = re.split(r"[/?]", rest, maxsplit=1)[0]
    if rest.count("@") > 1 or ("@" in rest and "@" not in beginning):
        return "an @ stands where it, or what is before it, must be percent-encoded"
    if "#" in rest:
        return "it holds a # that is not percent-encoded"
    if _BAD_PERCENT.search(rest):
        return "it holds a % that is not followed by two hexadecimal digits, or %00"
    if _BLANK.search(rest):
        return "it holds a blank, or a character that cannot be seen"
    if "\ufffd" in unquote(rest):
        return "it is percent-encoded otherwise than as UTF-8"
    places = beginning.rpartition("@")[2].split(",")
    if not all(_PORT.fullmatch(place) for place in places):
        return "the port is no number"
    return _unclear_query(rest.partition("?")[2])


def _unclear_query(query: str) -> str | None:
    pieces = query.split("&") if query else []
    if any(piece.count("=") != 1 for piece in pieces):
        return "what follows the ? is not name=value&name=value"
    names = {name for name, _ in _pairs(query)}
    if names & _SECRETS and not names <= _PARAMETERS:
        return "beside a password stands a parameter that is not known"
    return None


def _pairs(query: str) -> list[tuple[str, str]]:
    pieces = (piece.partition("=") for piece in query.split("&") if piece)
    return [(name, value) for name, _, value in pieces]
