"""Log files: one event a line, rotated, without a secret.

Files are attached to the logger `autonama` for the length of a `with logging_to(...)`, and nothing of it stays. The
terminal gets nothing from them.
"""

import json
import logging
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO, Any

from autonama.config import Settings
from autonama.errors import AutonamaError, ConfigError
from autonama.visible import visible

TREES = ("autonama", "stamina", "psycopg.pool", "uvicorn")
"""Loggers whose events are written: ours, and those of the retries, of the dashboard's connections and of its server,
whose warnings would else reach the terminal."""

HIDDEN = "***"

SHORT_SECRET = 6
"""Characters. A shorter secret is hidden only where it stands as a word: hiding every 1 would show that it is 1."""

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""What every record has; the rest is `extra`."""

Tell = Callable[[str], None]

logging.getLogger("autonama").addHandler(logging.NullHandler())


def _to_stderr(warning: str) -> None:
    sys.stderr.write(f"Warning: {warning}\n")


@contextmanager
def logging_to(
    settings: Settings, engine: str | None = None, *, log_format: str = "text", tell: Tell = _to_stderr
) -> Iterator[None]:
    """Write what happens inside to `ingestion.log` and, of an engine, to `<engine>_ingestion.log` beside it.

    An error that leaves the block is logged on its way.

    log_format: `text`, or `json` for one object a line: time (UTC), level, logger, message, engine, exception, extras.
    tell: hears one sentence where a log cannot be written; the work goes on without it.
    """
    if log_format not in ("text", "json"):
        raise ConfigError(f'--log-format is "{visible(log_format)}", and has to be text or json.')
    form = _JsonLines(engine) if log_format == "json" else _TextLines()
    handlers = _opened(settings, engine, form, _once(tell))
    loggers = [logging.getLogger(name) for name in TREES]
    ours, level = loggers[0], loggers[0].level
    ours.setLevel(settings.logging.level)
    for logger in loggers:
        for handler in handlers:
            logger.addHandler(handler)
    try:
        with _last_words(ours):
            yield
    finally:
        for logger in loggers:
            for handler in handlers:
                logger.removeHandler(handler)
        ours.setLevel(level)
        for handler in handlers:
            handler.close()


@contextmanager
def _last_words(logger: logging.Logger) -> Iterator[None]:
    try:
        yield
    except AutonamaError as error:
        logger.error("%s", error)
        raise
    except KeyboardInterrupt:
        logger.warning("Interrupted.")
        raise
    except Exception:
        logger.exception("Ended by an error that should not occur.")
        raise


def _once(tell: Tell) -> Tell:
    """A run says one time that its logs cannot be written, however many events and files it concerns."""
    told: list[str] = []

    def tell_first(warning: str) -> None:
        told.append(warning)
        if len(told) == 1:
            tell(warning)

    return tell_first


def _opened(settings: Settings, engine: str | None, form: logging.Formatter, tell: Tell) -> Sequence[logging.Handler]:
    redaction = _Redaction(settings.secrets)
    handlers: list[logging.Handler] = []
    for path in _paths(settings, engine, tell):
        handler = _LogFile(path, settings, tell)
        handler.setFormatter(form)
        handler.addFilter(redaction)
        if handler.open():
            handlers.append(handler)
    return handlers or [logging.NullHandler()]


def _paths(settings: Settings, engine: str | None, tell: Tell) -> list[Path]:
    if settings.log_dir is None:
        tell("There is no directory for logs, since the home of this user is not known. Set HOME.")
        return []
    main = settings.log_dir / settings.logging.file
    if engine is None:
        return [main]
    return [main, main.with_name(f"{re.sub(r'[^A-Za-z0-9_.-]', '_', engine)}_{main.name}")]


class _LogFile(RotatingFileHandler):
    """A log that several processes write: one of them rotates it, and the others follow to the new file."""

    def __init__(self, path: Path, settings: Settings, tell: Tell) -> None:
        super().__init__(
            path,
            maxBytes=max(1, int(settings.logging.max_size_mb * 1024 * 1024)),
            backupCount=settings.logging.backup_count,
            encoding="utf-8",
            errors="backslashreplace",
            delay=True,
        )
        self._tell = tell

    def open(self) -> bool:
        """Whether the file can be opened for writing; where not, it is told."""
        try:
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
            self.stream = self._open()
        except OSError as error:
            self._fail(error)
            return False
        return True

    def shouldRollover(self, record: logging.LogRecord) -> int:  # noqa: N802  stdlib's name
        """Whether the event would make the file too large. Leaves the stream on the file that has the name now."""
        size = os.fstat(self._follow().fileno()).st_size
        return size > 0 and size + len(self.format(record).encode(errors="replace")) + 1 > self.maxBytes

    def doRollover(self) -> None:  # noqa: N802  stdlib's name
        """Rotate, unless another process has just done so. Where it is not possible the file grows on."""
        if self.stream is None:
            return
        held = os.dup(self.stream.fileno())  # the file that was found full, which may have another name by now
        try:
            _lock(held)
            if _is_file(held, self.baseFilename):
                if self.backupCount == 0:
                    os.ftruncate(held, 0)
                super().doRollover()
        except OSError:
            self._follow()
        finally:
            os.close(held)  # and the lock with it
        self._follow()

    def _follow(self) -> IO[str]:
        """The stream, on the file that has the name now."""
        if self.stream is not None and not _is_file(self.stream.fileno(), self.baseFilename):
            self.stream.close()
            self.stream = None
        if self.stream is None:
            self.stream = self._open()
        return self.stream

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802  stdlib's name
        """Say that the log cannot be written. The standard way prints the event, which may hold a secret."""
        self._fail(sys.exc_info()[1])

    def _fail(self, error: BaseException | None) -> None:
        reason = (isinstance(error, OSError) and error.strerror) or type(error).__name__
        self._tell(
            f"The log {visible(self.baseFilename)} cannot be written: {reason}. The work goes on without it. "
            "Make room or the directory writable, or set logging.file to another path."
        )

    def close(self) -> None:
        """Close the file. What a full disk did not take was told before."""
        with suppress(OSError):
            super().close()


def _is_file(descriptor: int, path: str) -> bool:
    """Whether the open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116  pathlib knows no descriptors
    except FileNotFoundError:
        return False


def _lock(descriptor: int) -> None:
    """Wait for the other processes that would rotate this file. Windows renames no open file, and needs no lock."""
    try:
        import fcntl  # noqa: PLC0415  not on Windows
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX)


class _Redaction(logging.Filter):
    """Takes the secrets out of a record: message, exception, stack and extras; for later handlers, too."""

    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        spelled = [
            rf"(?<!\w){re.escape(secret)}(?!\w)" if len(secret) < SHORT_SECRET else re.escape(secret)
            for secret in secrets
        ]
        self._secrets = re.compile("|".join(spelled)) if spelled else None

    def filter(self, record: logging.LogRecord) -> bool:
        """Every record passes."""
        if self._secrets is None:
            return True
        message = _message(record)
        if self._secrets.search(message):
            record.msg, record.args = self._secrets.sub(HIDDEN, message), None
        exception = _exception(record)
        if exception is not None and self._secrets.search(exception):
            record.exc_text, record.exc_info = self._secrets.sub(HIDDEN, exception), None
        for name, value in [*_extras(record).items(), ("stack_info", record.stack_info)]:
            if value is not None and self._secrets.search(str(value)):
                setattr(record, name, self._secrets.sub(HIDDEN, str(value)))
        return True


class _TextLines(logging.Formatter):
    """`2026-01-15T10:30:00.123Z WARNING autonama.ingestion: message [extra=value]`, on one line whatever it holds."""

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        parts = [_message(record), *(f"[{name}={value}]" for name, value in _extras(record).items())]
        parts += [text for text in (_exception(record), record.stack_info) if text]
        return f"{_time(record)} {record.levelname} {record.name}: {visible(' '.join(parts))}"


class _JsonLines(logging.Formatter):
    """One JSON object a line, in ASCII."""

    def __init__(self, engine: str | None) -> None:
        super().__init__()
        self._engine = engine

    def format(self, record: logging.LogRecord) -> str:
        """The record's line."""
        line = {name: _json_value(value) for name, value in _extras(record).items()}
        line |= {"time": _time(record), "level": record.levelname, "logger": record.name, "message": _message(record)}
        line |= {"engine": self._engine} if self._engine is not None else {}
        for name, text in (("exception", _exception(record)), ("stack", record.stack_info)):
            line |= {name: text} if text else {}
        return json.dumps(line)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the message
        return f"{record.msg} {record.args!r}"


def _exception(record: logging.LogRecord) -> str | None:
    if record.exc_text or not record.exc_info:
        return record.exc_text
    return logging.Formatter().formatException(record.exc_info)


def _extras(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in STANDARD}


def _json_value(value: object) -> object:
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
