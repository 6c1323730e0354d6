"""One exception tree. Each class carries the exit code of the command that meets it.

A message is a sentence in the user's words that ends with what to do next. It never holds a secret.
"""

from typing import ClassVar


class AutonamaError(Exception):
    """Something that Autonama can name went wrong."""

    exit_code: ClassVar[int] = 1


class ConfigError(AutonamaError):
    """A setting or a flag cannot be used."""

    exit_code = 2


class DatabaseError(AutonamaError):
    """PostgreSQL was not reached, or refused."""

    exit_code = 3


class FilesError(AutonamaError):
    """A directory or file is missing or unreadable, or nothing in it is a result file."""

    exit_code = 4


class FileChanging(FilesError):
    """A result file changed while it was read: its engine is still writing it."""


INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells report it: 128 + SIGINT."""
