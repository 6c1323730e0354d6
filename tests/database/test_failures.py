"""PostgreSQL's errors in the user's words, and which of them pass by themselves."""

import re
import threading
from collections.abc import Callable

import psycopg
import pytest
from psycopg import errors

from autonama.database.failures import is_transient, translate

SECRET = "Planted-S3cret"


def caught(work: Callable[[], object]) -> psycopg.Error:
    """The error that `work` ends in."""
    with pytest.raises(psycopg.Error) as error:
        work()
    return error.value


def test_missing_rights_come_with_their_grant(conn: psycopg.Connection, server) -> None:
    """Schema, table and sequence each get the GRANT that is missing; once all are given, the insert works."""
    user = f"{conn.info.dbname}_user"
    conn.execute(f"CREATE ROLE {user}")
    insert = "INSERT INTO trading.alerts (symbol, interval, signal) VALUES ('BTCUSDT', '1d', 'BUY')"
    for kind in ("schema trading", "table alerts", "sequence alerts_id_seq"):
        conn.execute(f"SET ROLE {user}")
        error = caught(lambda: conn.execute(insert))
        conn.execute("RESET ROLE")
        said = str(translate(error, user=user))
        assert said.startswith(f"The database user lacks a right: permission denied for {kind}.")
        grant = said[said.index("GRANT") :]
        conn.execute(grant.encode())
        assert not is_transient(error)
    conn.execute(f"SET ROLE {user}")
    conn.execute(insert)
    conn.execute("RESET ROLE")
    conn.execute(f"DROP OWNED BY {user}")
    conn.execute(f"DROP ROLE {user}")


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("SELECT * FROM trading.no_such_table", "The schema is behind: .*no_such_table.*autonama db upgrade"),
        ("SELECT no_such_column FROM trading.alerts", "The schema is behind: .*no_such_column.*autonama db upgrade"),
        ("SELECT * FROM no_such_schema.alerts", "The schema is behind: .*autonama db upgrade"),
        ("SELECT 1e30::numeric(10,4)", "PostgreSQL refused a value: numeric field overflow"),
        (
            "INSERT INTO trading.alerts (symbol, interval, signal, kstd) VALUES ('A', '1d', 'BUY', 'NaN')",
            "PostgreSQL refused a row: it breaks alerts_numbers of trading.alerts",
        ),
        ("SELECT pg_no_such_function()", r"PostgreSQL refused: .* \(SQLSTATE 42883\)\."),
        ("SET statement_timeout = 20; SELECT pg_sleep(5)", "due to statement timeout. Raise statement_timeout"),
        ("SET default_transaction_read_only = on; CREATE TABLE t ()", "The database is read-only: .*primary server"),
        ("CREATE SCHEMA trading", "under a name that Autonama needs"),
    ],
)
def test_sentences(conn: psycopg.Connection, statement: str, sentence: str) -> None:
    """Each kind of refusal has its sentence, with PostgreSQL's own words in it; none of them passes by itself."""
    *before, last = statement.split("; ")
    for setting in before:
        conn.execute(setting.encode())
    error = caught(lambda: conn.execute(last.encode()))
    assert re.search(sentence, str(translate(error)))
    assert not is_transient(error)


def test_a_lock_that_somebody_holds(conn: psycopg.Connection, database_url: str) -> None:
    """A lock that is not let go in time is told as such."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE trading.alerts")
        conn.execute("SET lock_timeout = 20")
        error = caught(lambda: conn.execute("SELECT * FROM trading.alerts"))
    assert "Somebody else holds a lock" in str(translate(error))


def test_a_disk_that_is_full(conn: psycopg.Connection) -> None:
    """A full disk on the server is told as such; PostgreSQL is made to raise it, no disk is filled."""
    error = caught(
        lambda: conn.execute("DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$")
    )
    assert str(translate(error)) == (
        "The database server's disk is full: could not extend file. Free space there, then run the command again."
    )


def test_a_deadlock_passes(conn: psycopg.Connection, database_url: str) -> None:
    """Of two transactions in a deadlock the victim's error is transient: the same work succeeds on another try."""
    both_hold_one = threading.Barrier(2)
    failed: list[psycopg.Error] = []

    def take(first: int, second: int) -> None:
        with psycopg.connect(database_url) as own:
            own.execute("SELECT pg_advisory_xact_lock(%s)", [first])
            both_hold_one.wait()
            try:
                own.execute("SELECT pg_advisory_xact_lock(%s)", [second])
            except psycopg.Error as error:
                failed.append(error)

    threads = [threading.Thread(target=take, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(error) for error in failed] == [errors.DeadlockDetected]
    assert is_transient(failed[0])
    assert "Run the command again" in str(translate(failed[0]))


def test_a_serialization_failure_passes(conn: psycopg.Connection, database_url: str) -> None:
    """Two transactions that cannot be put in an order: the second one's error is transient."""
    conn.execute("CREATE TABLE t AS SELECT 1 AS n")
    with psycopg.connect(database_url) as late:
        late.isolation_level = psycopg.IsolationLevel.SERIALIZABLE
        late.execute("SELECT * FROM t")
        conn.execute("UPDATE t SET n = 2")
        error = caught(lambda: late.execute("UPDATE t SET n = 3"))
    assert isinstance(error, errors.SerializationFailure)
    assert is_transient(error)


def test_a_terminated_connection_passes(conn: psycopg.Connection, database_url: str) -> None:
    """A connection that an administrator ends is transient, and so is what is asked of it afterwards."""
    with psycopg.connect(database_url, autocommit=True) as other:
        conn.execute("SELECT pg_terminate_backend(%s)", [other.info.backend_pid])
        first = caught(lambda: other.execute("SELECT 1"))
        after = caught(lambda: other.execute("SELECT 1"))
    for error in (first, after):
        assert is_transient(error), error
        assert "run the command again" in str(translate(error)).lower()


@pytest.mark.parametrize(
    ("words", "sentence", "passes"),
    [
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "me", database "d", no encryption', "sslmode=", False),
        (
            'FATAL:  no pg_hba.conf entry for host "10.0.0.1", user "me", database "d", SSL encryption',
            "let this",
            False,
        ),
        ("SSL error: certificate verify failed", "Set database_sslrootcert", False),
        ("FATAL:  sorry, too many clients already", "max_connections", False),
        ("FATAL:  the database system is starting up", "in a moment", True),
        ("FATAL:  the database system is in recovery mode", "in a moment", True),
        ("FATAL:  the database system is shutting down", "in a moment", True),
        ("server closed the connection unexpectedly", "was lost", True),
        ("consuming input failed: SSL SYSCALL error: EOF detected", "was lost", True),
        ("consuming input failed: Connection reset by peer", "was lost", True),
        ('connection to server on socket "/x/.s.PGSQL.5432" failed: Permission denied', "OS user", False),
        ("connection timeout expired", "in time", False),
    ],
)
def test_words_of_servers_that_a_test_has_not(words: str, sentence: str, passes: bool) -> None:
    """What libpq says of TLS, certificates, full and lost servers is understood, and retried where it helps."""
    error = psycopg.OperationalError(words)
    assert sentence in str(translate(error, server="db.example:5432"))
    assert is_transient(error) is passes


@pytest.mark.parametrize(
    "message",
    [
        f'invalid percent-encoded token: "{SECRET}%zz"',
        f'missing "=" after "mysql://me:{SECRET}@host/db" in connection info string',
        f"something about postgresql://me:{SECRET}@host/db happened",
        f"something about postgres://me:a@{SECRET}@host/db happened",
        f"something about host=h password='it\\'s {SECRET}' user=me happened",
        f"something about host=h password = {SECRET} happened",
    ],
)
def test_a_password_in_the_drivers_own_words_is_not_passed_on(message: str) -> None:
    """Where libpq or psycopg quote an address with a password in it, ours does not."""
    said = str(translate(psycopg.ProgrammingError(message)))
    assert SECRET not in said
    assert "zz" not in said


def test_errors_of_our_own_are_not_transient() -> None:
    """What is no error of the database is not tried again."""
    assert not is_transient(ValueError("server closed the connection"))
    assert not is_transient(psycopg.ProgrammingError("the last operation didn't produce records"))
