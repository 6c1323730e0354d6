"""Connections and addresses: what is sent, what is shown, and that the password never is."""

import os
import socket
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from autonama.config import Settings, load_settings
from autonama.database import connect, embedded
from autonama.errors import AutonamaError, ConfigError, DatabaseError

SECRET = "Planted-S3cret"


def failure(url: str, wait_s: float = 0) -> str:
    """What the user is told when `url` is connected to; its traceback is searched for the planted secret."""
    with pytest.raises(AutonamaError) as refused:
        connect.connect(load_settings(database_url=url), wait_s=wait_s)
    assert SECRET not in "".join(traceback.format_exception(refused.value))
    return str(refused.value)


def test_a_connection_is_ours(server, database_url: str) -> None:
    """A connection is autocommit, in UTC, named autonama, with a limit on waiting for locks and none on statements."""
    with connect.connect(load_settings(database_url=database_url)) as conn:
        assert conn.autocommit
        shown = [
            conn.execute(f"SHOW {name}").fetchall()[0][0]
            for name in ("timezone", "application_name", "lock_timeout", "statement_timeout", "client_encoding")
        ]
    assert shown == ["UTC", "autonama", "30s", "0", "UTF8"]


@pytest.mark.parametrize(("asked", "seconds"), [("", 60), ("?keepalives_idle=5", 5)])
def test_a_machine_that_is_gone_is_noticed(asked: str, seconds: int, server, database_url: str) -> None:
    """After a minute's silence either end asks the other whether it is there; the address may say otherwise."""
    url = server.tcp_url(database_url.rpartition("=")[2]) + asked
    with connect.connect(load_settings(database_url=url)) as conn:
        shown = [conn.execute(f"SHOW tcp_keepalives_{name}").fetchall()[0][0] for name in ("idle", "interval", "count")]
        with socket.socket(fileno=os.dup(conn.fileno())) as own:
            kept = [own.getsockopt(socket.IPPROTO_TCP, name) for name in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)]
    assert (shown, kept) == (["60", "10", "3"], [seconds, 10])


def test_each_setting_reaches_the_server(server, database_url: str) -> None:
    """Host, port, name, user and password of the configuration make a connection, odd signs included."""
    database = database_url.rpartition("=")[2]
    server.execute(f"CREATE ROLE {database}_user LOGIN PASSWORD 'p@ss ''word\\%/'")
    settings = load_settings(
        database_host="127.0.0.1",
        database_port=server.port,
        database_name=database,
        database_user=f"{database}_user",
        database_password="p@ss 'word\\%/",
    )
    with connect.connect(settings) as conn:
        assert conn.execute("SELECT current_database(), current_user").fetchall() == [(database, f"{database}_user")]
    server.execute(f"DROP ROLE {database}_user")


def test_the_embedded_server_is_the_default(tmp_path: Path) -> None:
    """Without any setting the embedded server is started; to show its address starts nothing."""
    settings = load_settings(data_dir=tmp_path / "data")
    assert connect.shown(settings) == f"embedded PostgreSQL in {tmp_path / 'data'}"
    assert not (settings.data_dir / "pgdata").exists()
    try:
        with connect.connect(settings) as conn:
            assert conn.info.dbname == "autonama"
    finally:
        embedded.stop(settings.data_dir)


def test_wrong_password(server) -> None:
    """A refused login names user and server and the settings to check."""
    assert failure(server.tcp_url("postgres", password=SECRET)) == (
        f'Wrong password or user: 127.0.0.1:{server.port} refused the login of "postgres". '
        "Check database_user and database_password (or AUTONAMA_DATABASE_PASSWORD)."
    )


def test_unknown_user(server) -> None:
    """PostgreSQL does not tell an unknown user from a wrong password, over TCP; on the trusted socket it does."""
    assert 'refused the login of "nobody"' in failure(server.tcp_url("postgres", user="nobody", password=SECRET))
    said = failure(server.url("postgres").replace("user=postgres", f"user=nobody password={SECRET}"))
    assert 'The database user "nobody" does not exist' in said


def test_unknown_database(server) -> None:
    """A database that is not there comes with the command that makes it."""
    assert failure(server.tcp_url("no_such")) == (
        f'The database "no_such" does not exist on 127.0.0.1:{server.port}. Make it (createdb no_such), '
        "or set database_name."
    )


def test_unknown_host() -> None:
    """A host name that nobody knows is a matter of database_host, and is not tried again."""
    began = time.monotonic()
    said = failure(f"postgresql://me:{SECRET}@no-such-host.invalid/db", wait_s=10)
    assert "host name is unknown" in said
    assert "no-such-host.invalid" in said
    assert time.monotonic() - began < 5


def test_nobody_listens(tmp_path: Path) -> None:
    """A refused connection names the place; so does a socket that is not there."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        said = failure(f"postgresql://me:{SECRET}@127.0.0.1:{port}/db")
    assert said == f"No PostgreSQL answers at 127.0.0.1:{port}. Start it, or check database_host and database_port."
    said = failure(f"host={tmp_path} user=me password={SECRET}")
    assert said.startswith(f"No PostgreSQL answers at the socket {tmp_path}/.s.PGSQL.5432.")


def test_silent_server() -> None:
    """A host that takes the connection and says nothing is given up after connect_timeout."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        said = failure(f"postgresql://me:{SECRET}@127.0.0.1:{port}/db?connect_timeout=2")
    assert said.startswith(f"PostgreSQL at postgresql://me:***@127.0.0.1:{port}/db?connect_timeout=2 did not answer in")


def test_tls_that_the_server_has_not(server) -> None:
    """sslmode=require against a server without TLS says what to change."""
    assert "disable where it has none" in failure(server.tcp_url("postgres") + "?sslmode=require")


def test_something_else_listens() -> None:
    """A port where another program answers gives a sentence, not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as web:

        def answer() -> None:
            client, _ = web.accept()
            with client:
                client.recv(100)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        port = web.getsockname()[1]
        said = failure(f"postgresql://me:{SECRET}@127.0.0.1:{port}/db?sslmode=disable")
        thread.join()
    assert said.startswith("PostgreSQL was not reached, or broke off:")


def test_a_server_that_comes_up_is_waited_for(server, database_url: str) -> None:
    """A port that refuses at first and then forwards to PostgreSQL is connected to within the time given."""
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        thread = threading.Thread(target=_open_late, args=(door, server.port), daemon=True)
        thread.start()
        url = f"postgresql://postgres:swordfish-0815@127.0.0.1:{door.getsockname()[1]}/postgres?sslmode=disable"
        with connect.connect(load_settings(database_url=url), wait_s=10) as conn:
            assert conn.execute("SELECT 1").fetchall() == [(1,)]
        thread.join()


def _open_late(door: socket.socket, port: int) -> None:
    """Listen after 0.3 s, and carry one connection to `port` and back."""
    time.sleep(0.3)
    door.listen()
    client, _ = door.accept()
    with client, socket.create_connection(("127.0.0.1", port)) as inner:
        back = threading.Thread(target=_carry, args=(inner, client), daemon=True)
        back.start()
        _carry(client, inner)
        back.join()


def _carry(source: socket.socket, target: socket.socket) -> None:
    while data := source.recv(65536):
        target.sendall(data)
    target.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://me:{SECRET}@host/db",
        f"postgresql://me:{SECRET}%zz@host/db",
        f"postgresql://me:{SECRET}@host/db?no_such_option=1",
        f"{SECRET}",
        f"host=h password='{SECRET}",
        f"postgresql://me:{SECRET}@[::1/db",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    """What cannot be read as an address is a ConfigError that shows how one is written, and not the one given."""
    with pytest.raises(ConfigError, match="cannot be read as a PostgreSQL address") as refused:
        connect.shown(url)
    assert SECRET not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("conninfo", "url"),
    [
        (f"postgresql://me:{SECRET}@db.example:5433/autonama", "postgresql://me:***@db.example:5433/autonama"),
        (
            f"host=h user=me dbname=d password='{SECRET}' sslmode=require",
            "postgresql://me:***@h/d?sslmode=require",
        ),
        ("host=/run/pg port=5432 user=u dbname=d", "postgresql://u@/d?host=/run/pg&port=5432"),
        (f"postgresql://h/d?user=me&password={SECRET}", "postgresql://me:***@h/d"),
        (f"postgresql://a:1,b:2/d?sslpassword={SECRET}", "postgresql:///d?host=a%2Cb&port=1%2C2&sslpassword=***"),
        (f"host=::1 user=me password={SECRET}", "postgresql://me:***@/?host=%3A%3A1"),
    ],
)
def test_shown(conninfo: str, url: str) -> None:
    """An address is shown as a URL, whatever its form, and a password as three stars."""
    assert connect.shown(conninfo) == url
    assert connect.shown(load_settings(database_url=conninfo)) == url


names = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), min_size=1, max_size=12)


@given(user=names, password=names, dbname=names, host=st.one_of(names, st.just("/a b/c,d"), st.just("::1")))
def test_an_address_survives_its_way_through_a_url(user: str, password: str, dbname: str, host: str) -> None:
    """A conninfo made a URL is read back as it was, whatever signs are in it; the shown one lacks the password."""
    parts: dict[str, Any] = {"user": user, "password": password, "dbname": dbname, "host": host, "port": "5433"}
    conninfo = make_conninfo(**parts)
    assert conninfo_to_dict(connect.address(conninfo, show_password=True)) == parts
    assert conninfo_to_dict(connect.address(conninfo)) == {**parts, "password": "***"}


def test_settings_do_not_show_their_password() -> None:
    """Neither the settings' address nor their repr holds the password."""
    settings: Settings = load_settings(database_host="db.example", database_password=SECRET)
    assert connect.shown(settings) == "postgresql://postgres:***@db.example:5432/autonama"
    assert SECRET not in repr(settings)


def test_translated_turns_errors_within(conn: psycopg.Connection) -> None:
    """Inside `translated` an error of psycopg becomes a DatabaseError whose cause is kept."""
    with pytest.raises(DatabaseError) as refused, connect.translated(conn):
        conn.execute("SELECT 1 / 0")
    assert str(refused.value) == "PostgreSQL refused a value: division by zero. Nothing of its set was stored."
    assert isinstance(refused.value.__cause__, psycopg.errors.DivisionByZero)
