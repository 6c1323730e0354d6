"""The log files: where, in which form, how large, and what happens where they cannot be written."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autonama.config import Settings, load_settings
from autonama.errors import ConfigError, FilesError
from autonama.logs import logging_to

logger = logging.getLogger("autonama.test")

EVENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z "


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings whose config file, and so whose logs, lie in the test's directory."""
    monkeypatch.chdir(tmp_path)
    return configured(tmp_path)


def configured(directory: Path, **keys: object) -> Settings:
    """Settings of a config.json in that directory."""
    (directory / "config.json").write_text(json.dumps({"logging": keys}))
    return load_settings(directory / "config.json")


def log(settings: Settings, name: str = "ingestion.log") -> str:
    """What stands in the log."""
    assert settings.log_dir is not None
    return (settings.log_dir / name).read_text()


def test_both_logs_lie_beside_the_config_file(settings: Settings, tmp_path: Path) -> None:
    """`logs/ingestion.log` and the engine's own get the event: time in UTC, level, logger, message."""
    with logging_to(settings, "vectorbt"):
        logger.warning("Row %d: %s", 5, "Invalid symbol format: BTC")
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == ["ingestion.log", "vectorbt_ingestion.log"]
    for name in ("ingestion.log", "vectorbt_ingestion.log"):
        time, event = log(settings, name).split(" ", 1)
        assert event == "WARNING autonama.test: Row 5: Invalid symbol format: BTC\n"
        assert time[-1] == "Z"
        assert len(time) == len("2026-01-15T10:30:00.123Z")


def test_without_a_config_file_they_lie_in_the_home(private_home: Path, tmp_path: Path, monkeypatch) -> None:
    """The state directory of the user takes them, so that no command litters the directory that it is run in."""
    monkeypatch.chdir(tmp_path)
    with logging_to(load_settings()):
        logger.info("here")
    assert "here" in (private_home / ".local/state/autonama/logs/ingestion.log").read_text()
    assert list(tmp_path.iterdir()) == []


def test_the_file_can_be_elsewhere(tmp_path: Path) -> None:
    """An absolute `logging.file` is that file, and the engine's log is beside it."""
    with logging_to(configured(tmp_path, file=str(tmp_path / "var/a.log")), "enhanced"):
        logger.info("here")
    assert (tmp_path / "var/a.log").read_text() == (tmp_path / "var/enhanced_a.log").read_text()


def test_a_name_of_an_engine_is_no_path(settings: Settings, tmp_path: Path) -> None:
    """A mistyped engine with a slash in it leads to no other directory."""
    with logging_to(settings, "../../x y"):
        logger.info("here")
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [".._.._x_y_ingestion.log", "ingestion.log"]


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 4), ("INFO", 3), ("WARNING", 2), ("ERROR", 1), ("CRITICAL", 0)])
def test_the_level_of_the_settings(tmp_path: Path, level: str, count: int) -> None:
    """What is below `logging.level` is not written."""
    settings = configured(tmp_path, level=level)
    with logging_to(settings):
        for severity in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            logger.log(severity, "event")
    assert len(log(settings).splitlines()) == count


def test_an_event_is_a_line(settings: Settings) -> None:
    """Line ends and control characters of a file's name stand escaped; so does a traceback."""
    with logging_to(settings):
        logger.info("%s", "a\nb\r\x1b[31m\u2028\udcffé")
        try:
            raise ValueError("no\nnumber")
        except ValueError:
            logger.exception("failed")
    first, second = log(settings).splitlines()
    assert first.endswith(r"autonama.test: a\nb\r\x1b[31m\u2028\udcffé")
    assert r"failed Traceback (most recent call last):\n" in second
    assert second.endswith(r"ValueError: no\nnumber")


def test_json_lines(settings: Settings) -> None:
    """With `json` every line is one object that also holds the engine, extras, and the exception."""
    with logging_to(settings, "vectorbt", log_format="json"):
        logger.warning("a\nb %s", "é", extra={"rows": 5, "share": float("nan"), "path": Path("x"), "level": "mine"})
        try:
            raise ValueError("no number")
        except ValueError:
            logger.exception("failed")
    first, second = map(json.loads, log(settings).splitlines())
    assert first.pop("time").endswith("Z")
    assert first == {
        "level": "WARNING",
        "logger": "autonama.test",
        "message": "a\nb é",
        "engine": "vectorbt",
        "rows": 5,
        "share": "nan",
        "path": "x",
    }
    assert second["exception"].endswith("ValueError: no number")


def test_an_unknown_form_is_refused(settings: Settings) -> None:
    """Only text and json are forms of a log."""
    with (
        pytest.raises(ConfigError, match='--log-format is "xml", and has to be text or json'),
        logging_to(settings, log_format="xml"),
    ):
        pass


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FilesError("Nothing is there."), "ERROR autonama: Nothing is there."),
        (KeyboardInterrupt(), "WARNING autonama: Interrupted."),
        (ZeroDivisionError("oh"), r"ERROR autonama: Ended by an error that should not occur. Traceback"),
    ],
)
def test_what_ends_the_work_is_written(settings: Settings, error: BaseException, line: str) -> None:
    """An error on its way out of the block is in the log, and goes on."""
    with pytest.raises(type(error)), logging_to(settings):
        raise error
    assert line in log(settings)


def test_nothing_is_left_behind(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """After the block the logger is as it was; inside of it, records still reach the handlers of the application."""
    ours, root = logging.getLogger("autonama"), logging.getLogger()
    before = (ours.level, list(ours.handlers), list(root.handlers), root.level)
    with logging_to(settings, "vectorbt"):
        logger.info("heard")
        assert len(ours.handlers) == len(before[1]) + 2
    assert (ours.level, list(ours.handlers), list(root.handlers), root.level) == before
    assert ours.propagate
    assert "heard" in caplog.text
    logger.error("not written any more")
    assert "not written" not in log(settings)


def test_the_terminal_gets_nothing(settings: Settings, tmp_path: Path) -> None:
    """Neither our events nor the retries' warnings reach stderr; the retries are in the log."""
    code = (
        "import logging; from pathlib import Path; from autonama.config import load_settings\n"
        "from autonama.logs import logging_to\n"
        "with logging_to(load_settings(Path('config.json'))):\n"
        "    logging.getLogger('autonama.x').error('ours')\n"
        "    logging.getLogger('stamina').warning('stamina.retry_scheduled', extra={'stamina.retry_num': 1})\n"
        "logging.getLogger('autonama.x').error('outside')\n"
    )
    done = subprocess.run((sys.executable, "-c", code), cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")
    assert "WARNING stamina: stamina.retry_scheduled [stamina.retry_num=1]\n" in log(settings)
    assert "outside" not in log(settings)


def events(directory: Path) -> list[str]:
    """The messages in all of a directory's main logs, oldest first."""
    files = sorted(directory.glob("ingestion.log*"), key=lambda path: -int(path.suffix[1:].replace("log", "0")))
    return [line.split(": ", 1)[1] for path in files for line in path.read_text().splitlines()]


def test_a_log_is_rotated(tmp_path: Path) -> None:
    """A log that would grow beyond max_size_mb becomes .1, the older ones move on, and backup_count of them stay."""
    settings = configured(tmp_path, max_size_mb=0.001, backup_count=2)
    with logging_to(settings):
        for number in range(200):
            logger.info("event %d", number)
    logs = tmp_path / "logs"
    assert sorted(path.name for path in logs.iterdir()) == ["ingestion.log", "ingestion.log.1", "ingestion.log.2"]
    assert all(path.stat().st_size <= 1048 for path in logs.iterdir())
    kept = events(logs)
    assert kept == [f"event {number}" for number in range(200 - len(kept), 200)]


def test_without_backups_the_newest_stays(tmp_path: Path) -> None:
    """With backup_count 0 a full log starts anew, and is still bounded."""
    settings = configured(tmp_path, max_size_mb=0.001, backup_count=0)
    with logging_to(settings):
        for number in range(200):
            logger.info("event %d", number)
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["ingestion.log"]
    assert (tmp_path / "logs/ingestion.log").stat().st_size <= 1048
    assert events(tmp_path / "logs")[-1] == "event 199"


def test_an_event_larger_than_the_limit_is_written(tmp_path: Path) -> None:
    """A line beyond max_size_mb is not lost, and nothing rotates for ever."""
    settings = configured(tmp_path, max_size_mb=1e-9, backup_count=3)
    with logging_to(settings):
        logger.info("a" * 5000)
        logger.info("b" * 5000)
    assert [event[0] for event in events(tmp_path / "logs")] == ["a", "b"]


WRITER = (
    "import logging, sys; from pathlib import Path; from autonama.config import load_settings\n"
    "from autonama.logs import logging_to\n"
    "with logging_to(load_settings(Path('config.json'))):\n"
    "    for number in range(500): logging.getLogger('autonama.w').info('%s %d', sys.argv[1], number)\n"
)


def test_several_processes_write_one_log(tmp_path: Path) -> None:
    """Four processes that rotate under each other's hands lose no event, keep their order, rotate full logs only."""
    configured(tmp_path, max_size_mb=0.01, backup_count=1000)
    writers = [subprocess.Popen((sys.executable, "-c", WRITER, name), cwd=tmp_path) for name in "abcd"]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0, 0]
    found = events(tmp_path / "logs")
    for name in "abcd":
        assert [event for event in found if event[0] == name] == [f"{name} {number}" for number in range(500)]
    rotated = [path.stat().st_size for path in (tmp_path / "logs").glob("ingestion.log.*")]
    assert len(rotated) > 5
    assert min(rotated) > 0.9 * max(rotated)


def test_a_log_that_was_moved_away(settings: Settings, tmp_path: Path) -> None:
    """After logrotate has moved it, or somebody has deleted the directory, events go into a new file."""
    with logging_to(settings):
        logger.info("one")
        (tmp_path / "logs/ingestion.log").rename(tmp_path / "logs/moved.log")
        logger.info("two")
    assert "two" in log(settings)
    assert "two" not in log(settings, "moved.log")


def test_a_process_that_cannot_rotate_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the next name is taken by a directory that cannot be replaced, the log grows, and nothing is lost."""
    settings = configured(tmp_path, max_size_mb=0.001, backup_count=1)
    (tmp_path / "logs/ingestion.log.1/full").mkdir(parents=True)
    with logging_to(settings):
        for number in range(100):
            logger.info("event %d", number)
    lines = log(settings).splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"event {number}" for number in range(100)]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("engine", [None, "vectorbt"])
def test_a_full_disk_does_not_stop_the_work(
    settings: Settings, engine: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence on stderr, however many events and files; the block runs to its end."""
    (tmp_path / "logs").mkdir()
    for name in ("ingestion.log", "vectorbt_ingestion.log"):
        (tmp_path / "logs" / name).symlink_to("/dev/full")
    done = False
    with logging_to(settings, engine):
        for _ in range(10):
            logger.error("event")
        done = True
    assert done
    assert capsys.readouterr().err == (
        f"Warning: The log {tmp_path}/logs/ingestion.log cannot be written: No space left on device. The work goes on "
        "without it. Make room or the directory writable, or set logging.file to another path.\n"
    )


def test_a_directory_that_cannot_be_made(settings: Settings, tmp_path: Path) -> None:
    """A file in the place of the log directory is told once; no event goes anywhere else."""
    (tmp_path / "logs").write_text("in the way")
    told: list[str] = []
    with logging_to(settings, "vectorbt", tell=told.append):
        logger.error("event")
    assert len(told) == 1
    assert told[0].startswith(f"The log {tmp_path}/logs/ingestion.log cannot be written: ")
    assert (tmp_path / "logs").read_text() == "in the way"


def test_a_directory_that_is_read_only(settings: Settings, tmp_path: Path) -> None:
    """So is one in which this user may write nothing."""
    told: list[str] = []
    user = os.geteuid()
    tmp_path.chmod(0o555)
    if user == 0:
        os.seteuid(65534)
    try:
        with logging_to(settings, tell=told.append):
            logger.error("event")
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o755)
    assert len(told) == 1
    assert "Permission denied" in told[0]


def test_no_home_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a config file and a home there is no place for a log."""
    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    with logging_to(load_settings().model_copy(update={"log_dir": None}), tell=told.append):
        logger.error("event")
    assert told == ["There is no directory for logs, since the home of this user is not known. Set HOME."]
