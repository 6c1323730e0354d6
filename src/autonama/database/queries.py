"""SQL kept as SQL: `sql/<name>.sql` holds queries, each below `-- name: merge_rows` and a sentence of purpose."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import LiteralString


class Queries(dict[str, LiteralString]):
    """The queries of one file by name."""

    def __init__(self, file: str, queries: Mapping[str, LiteralString]) -> None:
        super().__init__(queries)
        self.file = file

    def __missing__(self, name: str) -> LiteralString:
        """Say which queries there are."""
        raise KeyError(f"{self.file} has no query '{name}'; it has {', '.join(sorted(self)) or 'none'}")


@cache
def load(name: str) -> Mapping[str, LiteralString]:
    """The queries of `sql/<name>.sql`. They are files of this package, so psycopg may take them as literals."""
    source = files("autonama.database").joinpath("sql", f"{name}.sql")
    return Queries(f"sql/{name}.sql", parse(source.read_text(encoding="utf-8")))


def parse(text: str) -> dict[str, LiteralString]:
    """Split a file at its `-- name:` lines; the comment lines below a name are left out."""
    _, *parts = re.split(r"^-- name: *(\w+) *$\n", text, flags=re.MULTILINE)
    found: dict[str, LiteralString] = {}
    for query, body in zip(parts[::2], parts[1::2], strict=True):
        if query in found:
            raise ValueError(f"query '{query}' is there twice")
        found[query] = re.sub(r"\A(\s*--.*\n)+", "", body).strip()
    return found
