"""The log files of a run, as somebody finds them on the disk."""

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from autonama.config import Settings, load_settings
from autonama.errors import ConfigError, FilesError
from autonama.logs import logging_to

LOGGER = logging.getLogger("autonama.ingestion")

PASSWORD = "Kra/ken 'n\"7%é"


def configured(directory: Path, **sections: object) -> Settings:
    """Settings of a config file in that directory."""
    file = directory / "config.json"
    file.write_text(json.dumps(sections))
    file.chmod(0o600)
    return load_settings(file)


def lines(directory: Path, name: str = "ingestion.log") -> list[str]:
    """What a log beside the config file holds."""
    return (directory / "logs" / name).read_text(encoding="utf-8").splitlines()


def test_the_run_is_in_both_logs(tmp_path: Path) -> None:
    """A line goes into the log of everything and into the engine's, with its time in UTC, level and logger."""
    with logging_to(configured(tmp_path), "vectorbt"):
        LOGGER.info("set %s: %d rows", "a", 3)
    for name in ("ingestion.log", "vectorbt_ingestion.log"):
        (line,) = lines(tmp_path, name)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO autonama\.ingestion: set a: 3 rows", line)


def test_without_an_engine_there_is_one_log(tmp_path: Path) -> None:
    """A run of no engine writes the log of everything alone."""
    with logging_to(configured(tmp_path), None):
        LOGGER.info("x")
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["ingestion.log"]


def test_json_lines(tmp_path: Path) -> None:
    """With json each line is an object with time, level, logger and message; a line break in it stays escaped."""
    with logging_to(configured(tmp_path), None, log_format="json"):
        LOGGER.warning('a "quoted" name\nwith a break')
    (line,) = lines(tmp_path)
    found = json.loads(line)
    assert found["time"].endswith("Z")
    assert (found["level"], found["logger"]) == ("WARNING", "autonama.ingestion")
    assert found["message"].replace("\\n", "\n") == 'a "quoted" name\nwith a break'


def test_another_format_is_refused(tmp_path: Path) -> None:
    """A format that is not known is a configuration error that names the flag."""
    with (
        pytest.raises(ConfigError, match=r"--log-format.*xml.*text or"),
        logging_to(configured(tmp_path), None, log_format="xml"),
    ):
        pass


def test_the_level_holds_inside_only(tmp_path: Path) -> None:
    """Lines below the level are left out; afterwards the logger is as it was before."""
    root = logging.getLogger("autonama")
    before = (root.level, list(root.handlers), list(logging.getLogger().handlers))
    with logging_to(configured(tmp_path, logging={"level": "WARNING"}), None):
        LOGGER.info("left out")
        LOGGER.warning("taken")
        assert logging.getLogger().handlers == before[2]
    assert (root.level, root.handlers) == before[:2]
    assert [line.partition(": ")[2] for line in lines(tmp_path)] == ["taken"]


def test_one_event_is_one_line(tmp_path: Path) -> None:
    """Line breaks and control characters are escaped, those of an exception too."""
    with logging_to(configured(tmp_path), None):
        LOGGER.warning("evil\r\n\x1b[2J\u2028name\udcff")
        try:
            raise ValueError("two\nlines")
        except ValueError:
            LOGGER.exception("it broke")
    first, second = lines(tmp_path)
    assert first.endswith("evil\\r\\n\\x1b[2J\\u2028name\\udcff")
    assert "it broke" in second
    assert "Traceback (most recent call last):\\n" in second
    assert second.endswith("ValueError: two\\nlines")


def _spill() -> None:
    """Log the password in every way that is near at hand, and end with an exception that holds it twice."""
    LOGGER.info("connecting with %s", PASSWORD)
    LOGGER.info("options %r", {"password": PASSWORD})
    LOGGER.info("as JSON %s", json.dumps(PASSWORD))
    try:
        raise OSError("cannot reach postgresql://me:Kra%2Fken%20%27n%227%25%C3%A9@db.example.org/trading")
    except OSError as error:
        raise RuntimeError(f"gave up with {PASSWORD}") from error


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_reaches_a_file(tmp_path: Path, log_format: str) -> None:
    """A password is in no log: not plain, not in a URL, not in an exception's text or its representation."""
    settings = configured(tmp_path, database_host="db.example.org", database_password=PASSWORD)
    with pytest.raises(RuntimeError), logging_to(settings, "vectorbt", log_format=log_format):
        _spill()
    for name in ("ingestion.log", "vectorbt_ingestion.log"):
        written = "\n".join(lines(tmp_path, name))
        assert written.count("***") >= 5
        assert "Kra" not in written
        assert "postgresql://me:***@db.example.org/trading" in written


def test_what_passes_through_is_logged(tmp_path: Path) -> None:
    """An error of Autonama's own is one sentence in the log, another one has its traceback, and both go on."""
    settings = configured(tmp_path)
    with pytest.raises(FilesError), logging_to(settings, None):
        raise FilesError("There is no such file.")
    with pytest.raises(ZeroDivisionError), logging_to(settings, None):
        _ = 1 / 0
    with pytest.raises(KeyboardInterrupt), logging_to(settings, None):
        raise KeyboardInterrupt
    named, unforeseen, interrupted = lines(tmp_path)
    assert named.endswith("ERROR autonama: There is no such file.")
    assert " ERROR autonama: " in unforeseen
    assert "ZeroDivisionError" in unforeseen
    assert re.search("interrupted", interrupted, re.IGNORECASE)


def test_rotation(tmp_path: Path) -> None:
    """A log is rotated before it grows beyond its size, and as many old ones are kept as were asked for."""
    with logging_to(configured(tmp_path, logging={"max_size_mb": 0.001, "backup_count": 2}), None):
        for number in range(200):
            LOGGER.info("line %d", number)
    files = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in files] == ["ingestion.log", "ingestion.log.1", "ingestion.log.2"]
    assert max(path.stat().st_size for path in files) <= 1048
    assert lines(tmp_path)[-1].endswith("line 199")


def test_no_old_logs_to_keep(tmp_path: Path) -> None:
    """With a backup_count of 0 the log begins anew where it reaches its size."""
    with logging_to(configured(tmp_path, logging={"max_size_mb": 0.001, "backup_count": 0}), None):
        for number in range(200):
            LOGGER.info("line %d", number)
    (file,) = (tmp_path / "logs").iterdir()
    assert file.stat().st_size <= 1048
    assert lines(tmp_path)[-1].endswith("line 199")


def test_several_processes_write_and_rotate_at_once(tmp_path: Path) -> None:
    """Four processes that rotate the same log lose no line and say nothing on the console."""
    configured(tmp_path, logging={"max_size_mb": 0.004, "backup_count": 1000})
    code = (
        "import logging, sys; from pathlib import Path; from autonama.config import load_settings\n"
        "from autonama.logs import logging_to\n"
        "with logging_to(load_settings(Path(sys.argv[1])), 'vectorbt'):\n"
        "    for n in range(250): logging.getLogger('autonama').info('%s-%d', sys.argv[2], n)\n"
    )
    started = [
        subprocess.Popen(
            (sys.executable, "-c", code, str(tmp_path / "config.json"), name), stderr=subprocess.PIPE, text=True
        )
        for name in "abcd"
    ]
    said = [process.communicate(timeout=60)[1] for process in started]
    assert said == [""] * 4
    wanted = sorted(f"{name}-{number}" for name in "abcd" for number in range(250))
    for log in ("ingestion.log", "vectorbt_ingestion.log"):
        files = list((tmp_path / "logs").glob(f"{log}*"))
        assert len(files) > 5
        written = [line.rpartition(" ")[2] for path in files for line in path.read_text().splitlines()]
        assert sorted(written) == wanted


def test_a_log_that_was_moved_away_is_made_anew(tmp_path: Path) -> None:
    """After logrotate, or another process, has moved the log, lines go to a new file of that name."""
    log = tmp_path / "logs" / "ingestion.log"
    with logging_to(configured(tmp_path), None):
        LOGGER.info("before")
        log.rename(tmp_path / "moved")
        LOGGER.info("after")
    assert (tmp_path / "moved").read_text().endswith("before\n")
    assert log.read_text().endswith("after\n")


def test_an_unusable_directory_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the log directory cannot be made, one sentence stands on stderr and the work goes on, its lines nowhere."""
    (tmp_path / "logs").write_text("a file in the way")
    with logging_to(configured(tmp_path), "vectorbt"):
        LOGGER.error("not on the console")
    said = capfd.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"Warning: [^\n]* cannot be written[^\n]*exist[^\n]*\n", said.err)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_told_once(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """On a full disk the run goes on, with one sentence, and a log on another disk is still written."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "ingestion.log").symlink_to("/dev/full")
    with logging_to(configured(tmp_path), "vectorbt"):
        LOGGER.info("one")
        LOGGER.info("two")
    said = capfd.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"Warning: [^\n]*ingestion\.log cannot be written[^\n]*No space[^\n]*\n", said.err)
    assert [line[-3:] for line in lines(tmp_path, "vectorbt_ingestion.log")] == ["one", "two"]


def test_a_rotation_that_is_refused_costs_no_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the old log cannot be moved aside, lines go on into the same file, with one sentence on stderr at most."""
    (tmp_path / "logs" / "ingestion.log.1").mkdir(parents=True)
    (tmp_path / "logs" / "ingestion.log.1" / "in the way").touch()
    with logging_to(configured(tmp_path, logging={"max_size_mb": 0.0001, "backup_count": 1}), None):
        for number in range(9):
            LOGGER.info("line %d", number)
    assert len(lines(tmp_path)) == 9
    assert len(capfd.readouterr().err.splitlines()) <= 1


def test_a_wrong_record_prints_no_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message whose arguments do not fit neither ends the run nor shows a traceback; the next line is written."""
    monkeypatch.setattr(logging.getLogger("autonama"), "propagate", False)  # pytest's own handler raises
    with logging_to(configured(tmp_path), None):
        LOGGER.info("%d", "no number")
        LOGGER.info("next")
    assert lines(tmp_path)[-1].endswith(": next")
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("engine", ["../../elsewhere", "a/b", "", "a\nb"])
def test_a_strange_engine_leads_nowhere(tmp_path: Path, engine: str) -> None:
    """A name that is no engine's makes no file outside of the log directory, and none with a strange name in it."""
    project = tmp_path / "a" / "project"
    project.mkdir(parents=True)
    with logging_to(configured(project), engine):
        LOGGER.info("x")
    made = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "config.json"]
    assert {path.parent for path in made} == {project / "logs"}
    assert all(re.fullmatch(r"[\w.-]+", path.name) for path in made)


def test_an_absolute_name_is_taken_as_it_is(tmp_path: Path) -> None:
    """With an absolute logging.file it is the log, and nothing lies in the usual place."""
    log = tmp_path / "elsewhere" / "mine.log"
    with logging_to(configured(tmp_path, logging={"file": str(log)}), "vectorbt"):
        LOGGER.info("x")
    assert log.read_text().endswith(": x\n")
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("variable", [True, False])
def test_without_a_config_file_logs_are_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: bool
) -> None:
    """Without a config file the logs lie in the user's state directory."""
    monkeypatch.chdir(tmp_path)
    state = Path(os.environ["HOME"]) / ".local" / "state"
    if variable:
        state = tmp_path / "state"
        monkeypatch.setenv("XDG_STATE_HOME", str(state))
    with logging_to(load_settings(), None):
        LOGGER.info("x")
    assert (state / "autonama" / "logs" / "ingestion.log").is_file()


def test_a_refused_file_is_in_the_log(tmp_path: Path) -> None:
    """`autonama validate` of a path that is not there leaves its error in the log."""
    configured(tmp_path)
    command = ("-m", "autonama", "validate", "none.csv", "--config", "config.json", "--log-format", "json")
    done = subprocess.run((sys.executable, *command), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == FilesError.exit_code
    (line,) = lines(tmp_path, "vectorbt_ingestion.log")
    assert json.loads(line)["level"] == "ERROR"
    assert "none.csv" in json.loads(line)["message"]
