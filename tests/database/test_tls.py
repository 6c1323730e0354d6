"""Encryption and certificates: the ssl settings reach libpq, and what does not fit names the setting to change."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

import warm
from autonama.config import load_settings
from autonama.database import connect
from autonama.database.account import Account, server_account
from autonama.errors import AutonamaError, ConfigError

pytestmark = pytest.mark.full

PASSWORD = "swordfish-0815"

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian and its kin keep server programs. Those of the wheel are built without TLS."""


@dataclass(frozen=True)
class TlsServer:
    """A PostgreSQL that lets nobody in without TLS; `strict_user` needs a certificate of their own as well."""

    directory: Path
    port: int
    programs: Path
    account: Account

    def settings(self, **changes: object) -> dict[str, Any]:
        """Settings that reach it, with these changes."""
        return {
            "database_host": "127.0.0.1", "database_port": self.port, "database_name": "postgres",
            "database_user": "postgres", "database_password": PASSWORD, **changes,
        }  # fmt: skip

    def run(self, program: str, *args: str, text: str | None = None) -> None:
        """Run one of its programs as its OS user."""
        done = self.account.run(self.programs / program, *args, cwd=self.directory / "pgdata", text=text)
        assert done.returncode == 0, done.stdout


def openssl(directory: Path, *args: str) -> None:
    """Run openssl there."""
    subprocess.run(("openssl", *args), cwd=directory, check=True, capture_output=True)


def authority(directory: Path, name: str) -> None:
    """A certificate authority of our own making: NAME.pem and NAME.key."""
    subject = ("-subj", f"/CN={name}", "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.pem")
    openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *subject)


def signed(directory: Path, name: str, by: str, extension: str = "basicConstraints=CA:FALSE") -> None:
    """A certificate for NAME, signed by an authority: NAME.pem and NAME.key."""
    request = ("-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    openssl(directory, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", *request)
    (directory / f"{name}.ext").write_text(extension)
    signing = ("-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
    openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.pem", *signing)


@pytest.fixture(scope="module")
def tls() -> Iterator[TlsServer]:
    """The server, with certificates made for this run."""
    found = sorted(PROGRAMS.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found or shutil.which("openssl") is None:
        pytest.skip(f"no PostgreSQL with TLS below {PROGRAMS}, or no openssl: the wheel's server has no TLS")
    directory = Path(tempfile.mkdtemp(prefix="autonama-tls-", dir="/tmp"))
    made = TlsServer(directory, _free_port(), found[-1].parent, server_account(directory / "pgdata"))
    try:
        _start(made)
        yield made
        made.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", str(directory / "pgdata"))
    finally:
        shutil.rmtree(directory)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(server: TlsServer) -> None:
    directory, account = server.directory, server.account
    account.let_through(directory)
    data = account.own(directory / "pgdata")
    for name in ("ours", "other"):
        authority(directory, name)
    signed(directory, "server", "ours", "subjectAltName=IP:127.0.0.1")
    signed(directory, "strict_user", "ours")
    signed(directory, "impostor", "other")
    (directory / "pw").write_text(PASSWORD)
    (directory / "pw").chmod(0o644)
    server.run(
        "initdb", "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={directory / 'pw'}", "--no-sync", "-D", str(data)
    )
    for source, name in (("server.pem", "server.crt"), ("server.key", "server.key"), ("ours.pem", "root.crt")):
        shutil.copy(directory / source, data / name)
        (data / name).chmod(0o600)
        if account.uid is not None and account.gid is not None:
            os.chown(data / name, account.uid, account.gid)
    (data / "pg_hba.conf").write_text(
        "hostssl all strict_user all scram-sha-256 clientcert=verify-full\nhostssl all all all scram-sha-256\n"
    )
    options = f"-c fsync=off -c ssl=on -c ssl_ca_file=root.crt -c listen_addresses=127.0.0.1 -p {server.port} -k ''"
    server.run("pg_ctl", "start", "-w", "-D", str(data), "-l", str(data / "server.log"), "-o", options)
    with connect.connect(load_settings(**server.settings())) as conn:
        conn.execute(f"CREATE ROLE strict_user LOGIN PASSWORD '{PASSWORD}'")


def told(**settings: object) -> str:
    """What the user is told when these settings are connected with; the password never stands in it."""
    with pytest.raises(AutonamaError) as refused:
        connect.connect(load_settings(**settings), wait_s=0)
    assert PASSWORD not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_of_our_authority(tls: TlsServer, mode: str) -> None:
    """With the authority's certificate every encrypting mode connects, encrypted."""
    settings = load_settings(**tls.settings(database_sslmode=mode, database_sslrootcert=tls.directory / "ours.pem"))
    with connect.connect(settings) as conn:
        assert conn.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchall() == [(True,)]
        assert conn.pgconn.ssl_in_use


def test_a_wrong_authority(tls: TlsServer) -> None:
    """A server that another authority vouches for is refused, and the sentence names the key to set."""
    for mode in ("verify-ca", "verify-full"):
        said = told(**tls.settings(database_sslmode=mode, database_sslrootcert=tls.directory / "other.pem"))
        assert said.startswith("The server's certificate was not accepted: "), said
        assert said.endswith("Set database_sslrootcert to the file of the authority that signed it.")


def test_no_authority_where_one_is_needed(tls: TlsServer, tmp_path: Path) -> None:
    """Verification without an authority, or with a file that is not there, names the same key."""
    assert "Set database_sslrootcert to" in told(**tls.settings(database_sslmode="verify-full"))
    said = told(**tls.settings(database_sslmode="verify-full", database_sslrootcert=tmp_path / "missing.pem"))
    assert "missing.pem" in said
    assert "Set database_sslrootcert to" in said


def test_a_certificate_for_another_host(tls: TlsServer) -> None:
    """verify-full compares the host's name, verify-ca does not: the sentence names both keys."""
    given = tls.settings(database_host="localhost", database_sslrootcert=tls.directory / "ours.pem")
    said = told(**given, database_sslmode="verify-full")
    assert said.startswith("The server's certificate is for another host: ")
    assert "Set database_host to the name in it" in said
    connect.connect(load_settings(**given, database_sslmode="verify-ca")).close()


def test_no_encryption_where_it_is_asked_for(tls: TlsServer) -> None:
    """Sslmode disable is refused by a server that wants TLS, and the sentence names the key."""
    assert "Set database_sslmode" in told(**tls.settings(database_sslmode="disable"))


def test_encryption_where_there_is_none(server) -> None:
    """A server without TLS is refused by sslmode require, and the sentence names the key."""
    said = told(**conninfo_settings(server.tcp_url("postgres")), database_sslmode="require")
    assert "Set database_sslmode" in said


def conninfo_settings(url: str) -> dict[str, object]:
    """An address as the settings of its parts."""
    names = {
        "host": "database_host",
        "dbname": "database_name",
        "user": "database_user",
        "password": "database_password",
    }
    parts = conninfo_to_dict(url)
    return {**{key: parts[name] for name, key in names.items()}, "database_port": int(str(parts["port"]))}


def test_a_certificate_of_ones_own(tls: TlsServer) -> None:
    """A user who needs a certificate gets in with it; without it, or with a stranger's, the sentence names the keys."""
    given = tls.settings(database_user="strict_user", database_sslmode="require")
    pair = {"database_sslcert": tls.directory / "strict_user.pem", "database_sslkey": tls.directory / "strict_user.key"}
    with connect.connect(load_settings(**given, **pair)) as conn:
        assert conn.info.user == "strict_user"
    strange = {"database_sslcert": tls.directory / "impostor.pem", "database_sslkey": tls.directory / "impostor.key"}
    alone = {"database_sslcert": pair["database_sslcert"], "database_sslkey": tls.directory / "missing.key"}
    for wrong in ({}, strange, alone):
        said = told(**given, **wrong)
        assert "Set database_sslcert to its file and database_sslkey to that of its private key" in said, said


def test_a_key_that_others_can_read(tls: TlsServer, tmp_path: Path) -> None:
    """Libpq refuses a private key that is open to others; the sentence says how to close it."""
    key = tmp_path / "open.key"
    shutil.copy(tls.directory / "strict_user.key", key)
    key.chmod(0o666)
    said = told(
        **tls.settings(database_user="strict_user", database_sslmode="require", database_sslkey=key),
        database_sslcert=tls.directory / "strict_user.pem",
    )
    assert "(chmod 600)" in said


def test_the_settings_hold_for_a_url_that_is_silent(tls: TlsServer) -> None:
    """What a database_url does not say about TLS is taken from the keys; what it says wins."""
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{tls.port}/postgres"
    other = {"database_sslmode": "verify-full", "database_sslrootcert": tls.directory / "other.pem"}
    assert "Set database_sslrootcert" in told(database_url=url, **other)
    connect.connect(load_settings(database_url=f"{url}?sslmode=require&sslrootcert=", **other)).close()


def test_relative_paths_are_seen_from_the_file(tls: TlsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative certificate in config.json lies beside it, one in the environment in the current directory."""
    import json

    config = tls.directory / "config.json"
    config.write_text(json.dumps(tls.settings(database_sslmode="verify-full", database_sslrootcert="ours.pem")))
    config.chmod(0o600)
    monkeypatch.chdir(tmp_path)
    settings = load_settings(config)
    assert settings.database_sslrootcert == tls.directory / "ours.pem"
    connect.connect(settings).close()
    monkeypatch.setenv("AUTONAMA_DATABASE_SSLROOTCERT", "mine.pem")
    assert load_settings(config).database_sslrootcert == tmp_path / "mine.pem"
    assert "mine.pem" in told(config=config)


def test_backups_go_encrypted_too(tls: TlsServer, tmp_path: Path) -> None:
    """Dump and restore use the same certificates; where no tools are there, the sentence says what to install."""
    url = f"postgresql://postgres:{PASSWORD}@127.0.0.1:{tls.port}"
    env = {
        **os.environ,
        "AUTONAMA_DATABASE_URL": f"{url}/postgres",
        "AUTONAMA_DATABASE_SSLMODE": "verify-full",
        "AUTONAMA_DATABASE_SSLROOTCERT": str(tls.directory / "ours.pem"),
        "PATH": str(tls.programs),
    }

    def run(*words: str, code: int = 0) -> str:
        done = warm.run("db", *words, cwd=tmp_path, env=env)
        assert done.returncode == code, done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        return done.stderr

    run("init")
    run("dump", "a.dump")
    with psycopg.connect(f"{url}/postgres", autocommit=True) as conn:
        conn.execute("CREATE DATABASE other")
    env["AUTONAMA_DATABASE_URL"] = f"{url}/other"
    run("restore", "a.dump")
    major = tls.programs.parts[-2]
    env["PATH"] = str(tmp_path)
    assert run("dump", "b.dump", code=3) == (
        f"Error: pg_dump, pg_restore, psql of PostgreSQL {major} or newer are needed for this server, and there are "
        f"none on PATH. Install the package postgresql-client-{major}, or put its directory in front of PATH.\n"
    )


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("database_sslmode", "on", "disable, allow, prefer, require, verify-ca or verify-full"),
        ("database_sslmode", True, "disable, allow, prefer"),
        ("database_sslrootcert", "", 'the path of a file, or "system"'),
        ("database_sslcert", 5, "the path of a file"),
        ("database_sslkey", " ", "the path of a file"),
    ],
)
def test_values_are_checked(name: str, value: object, allowed: str) -> None:
    """What none of the keys can hold is refused with the words that it may hold."""
    with pytest.raises(ConfigError, match=re.escape(f"and has to be {allowed}")) as refused:
        load_settings(**{name: value})
    assert str(refused.value).startswith(name)


def test_system_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libpq's word for the authorities of the system is passed on as it stands, not as a file's name."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings(database_host="db.example", database_sslrootcert="system")
    assert conninfo_to_dict(connect.conninfo(settings))["sslrootcert"] == "system"
    monkeypatch.setenv("AUTONAMA_DATABASE_SSLROOTCERT", "system")
    assert str(load_settings().database_sslrootcert) == "system"


def test_without_the_keys_libpq_decides() -> None:
    """Keys that are not set do not appear in the address, so that PGSSLMODE and libpq's defaults hold."""
    parts = conninfo_to_dict(connect.conninfo(load_settings(database_host="db.example")))
    assert not [name for name in parts if name.startswith("ssl")]
