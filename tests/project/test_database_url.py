"""URLs of databases: taken apart as the libraries do, or refused without showing anything of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict
from pydantic import ValidationError

from headgate.errors import ConfigError, HeadgateError
from headgate.project.database_config import PostgresSource
from headgate.project.database_url import UnclearUrlError, mask, said_without, secrets_of, take_apart
from headgate.project.interpolation import interpolate
from headgate.project.loading import load
from headgate.sources.databases.source import DatabaseSource
from headgate.standalone.postgres import open_table

nasty = st.text("S3crtPasw0#%/?@:&=[]{}$'\"\\ \t\n,;+!~é🔒", min_size=1, max_size=20)
HOST = "127.0.0.1:1"


def pieces(secret: str) -> Iterator[str]:
    """What of a password must not be shown: any four characters of it."""
    return (secret[start : start + 4] for start in range(len(secret) - 3))


def urls_of(password: str) -> list[str]:
    """All ways in which somebody may write the password down, right and wrong."""
    encoded = quote(password, safe="")
    logins = [f"postgresql://me:{each}@{HOST}/db" for each in (password, encoded)]
    return logins + [f"postgresql://{HOST}/db?user=me&password={each}" for each in (password, encoded)]


def said_about(url: str) -> str:
    """What the settings of a source, its reading and a gate say of a URL of a server that is not there."""
    said = []
    with pytest.raises(HeadgateError) as of_gate, open_table(url, "t"):
        pass
    said.append(str(of_gate.value))
    try:
        config = PostgresSource.model_validate({"type": "postgres", "url": url, "retry": "0s"})
    except ValidationError as error:
        said += [f"{each['msg']} {getattr(each['ctx']['error'], 'hint', '')}" for each in error.errors()]
        return "\n".join(said)
    with pytest.raises(HeadgateError) as of_source:
        DatabaseSource("app", config, Path()).changes({})
    return "\n".join([*said, str(of_source.value)])


@pytest.fixture(scope="module")
def own_words() -> str:
    """The words of all errors, which are no pieces of a password."""
    usual = "s3cret%2F"
    bad = [f"postgresql://me:{each}@{HOST}/d" for each in ("#", "%zz", "/", " ", "%FF")]
    bad += [f"postgresql://{HOST}/db?{each}" for each in ("password", "password=a&b=c")]
    return " ".join(map(said_about, [*urls_of(usual), *bad, "postgresql://h:port/d"])) + " 127.0.0.1:1"


@settings(max_examples=15)  # each tries to connect several times
@given(nasty)
@example("S3cr#tPass%zz")
@example("S3/cr%tPass")
@example("S3/crtPass")
@example("pa@ss/w0rd")
@example("x")
@example("password")
def test_no_piece_of_a_password_is_said(own_words: str, password: str) -> None:
    for url in urls_of(password):
        said = said_about(url)
        for piece in pieces(password):
            assert piece not in said or piece in own_words
        for short in {password, quote(password, safe="")}:
            assert "***" not in said.replace("://***@", ""), short  # nor does a mask show it


@given(nasty, st.sampled_from(["", "/db", "/d%20b?sslmode=require"]))
def test_what_is_taken_apart_is_read_by_libpq_in_the_same_way(password: str, rest: str) -> None:
    for written in (password, quote(password, safe="")):
        url = f"postgresql://me:{written}@{HOST}{rest}"
        try:
            parts = take_apart(url)
        except UnclearUrlError:
            assert written == password != quote(password, safe="")
            continue
        found = conninfo_to_dict(url)
        assert (parts.user, parts.password, parts.place) == ("me", found["password"], HOST)
        assert parts.database == found.get("dbname", "")
        assert conninfo_to_dict(parts.text()) == found
        assert conninfo_to_dict(parts.beside("other")) == {**found, "dbname": "other"}
        assert conninfo_to_dict(parts.shown()) == {**found, "password": "***"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://me:S3cr#t@h/d", "# that is not"),
        ("postgresql://me:S3/cr@h/d", "an @ stands"),
        ("postgresql://me:S3?cr@h/d", "an @ stands"),
        ("postgresql://me:S3@cr@h/d", "an @ stands"),
        ("postgresql://me:S3cr%zz@h/d", "a % that is not"),
        ("postgresql://me:S3cr%00@h/d", "or %00"),
        ("postgresql://me:S3 cr@h/d", "a blank"),
        ("postgresql://me:S3%FFcr@h/d", "otherwise than as UTF-8"),
        ("postgresql://me:S3cr/d", "the port is no number"),
        ("postgresql://me@[::1]:S3cr/d", "the port is no number"),
        ("postgresql://h/d?password=a&S3cr", "name=value"),
        ("postgresql://h/d?password=a=S3cr", "name=value"),
        ("postgresql://h/d?password=a&S3cr=b", "not known"),
    ],
)
def test_what_can_be_read_in_more_than_one_way_is_refused_by_the_settings_name(
    tmp_path: Path, url: str, why: str
) -> None:
    settings = {
        "sources": {"s": {"type": "postgres", "url": url}, "m": {"type": "mysql", "url": f"mysql{url[10:]}"}},
        "serve": {"w": {"type": "postgres", "url": url, "schema": "w", "tables": {"raw.t": {"primary_key": ["i"]}}}},
        "ledger": url,
    }
    (tmp_path / "headgate.yml").write_text(json.dumps({"name": "p", **settings}))
    with pytest.raises(ConfigError, match=why) as refused:
        load(tmp_path, environ={})
    said = str(refused.value)
    assert "S3" not in said
    assert "cr@" not in said
    assert {"sources.s.url", "sources.m.url", "serve.w.url", "ledger"} <= {each.strip("():") for each in said.split()}
    assert "PGPASSWORD" in said
    assert "MYSQL_PWD" in said


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///db?host=%2Ftmp&user=me&password=x%26y",
        "postgresql://me@[::1]:5432/db",
        "postgresql://me:a%20b@h1:1,h2:2/db?target_session_attrs=any",
        "postgresql://h/db?",
        "postgres://localhost",
    ],
)
def test_what_is_clear_is_taken(url: str) -> None:
    assert conninfo_to_dict(take_apart(url).text()) == conninfo_to_dict(url)


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "headgate.yml").write_text("name: p\nledger: 'sqlite:///a@b#c%.db'\n")
    assert load(tmp_path, environ={}).ledger.endswith("a@b#c%.db")


def test_a_mask_eats_no_words_of_an_error() -> None:
    said = "is the password right? no /tmp/nonexist/.s.PGSQL.5432 for user pa"
    for password in ("x", "pa", "pass", "exist", "password", "5432"):
        secrets = interpolate({"url": "postgresql://u:${PW}@h/d"}, {"PW": password}).secrets
        assert mask(said, secrets) == said
        assert password not in mask(f"at postgresql://u:{password}@h/d", secrets)


def test_a_password_that_is_a_word_is_hidden_wherever_it_stands() -> None:
    secrets = interpolate({"url": "postgresql://u:${PW}@${HOST}/d"}, {"PW": "swordfish", "HOST": "localhost"}).secrets
    assert mask("localhost says: swordfish, Swordfish2", secrets) == "localhost says: ***, Swordfish2"


def test_what_a_library_said_is_without_what_stands_before_the_last_at() -> None:
    url = "mailto://me:hu@sh/er@host?to=me@host"
    assert said_without(f'at "{url}": no', "postgresql://h/d") == 'at "mailto://***@host": no'
    assert mask(f"at {url}, hu@sh/er", secrets_of(url)) == "at ***, hu@sh/er"


def test_the_password_of_any_url_is_known_however_it_is_taken_apart() -> None:
    assert mask("s3cr-3t at", secrets_of("http://[u:s3cr-3t@h")) == "*** at"
    assert mask("s3cr/3t", secrets_of("http://u:s3cr%2F3t@h?a@b")) == "***"
    assert mask("s3cr-3t", secrets_of("http://h/d?password=s3cr-3t")) == "***"
    assert mask("http://h/d?password=pw", secrets_of("http://h/d?password=pw")) == "***"
    assert secrets_of("no url: a@b") == secrets_of("http://me@host") == set()
