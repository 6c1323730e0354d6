"""Configurations on disk, and what is told of them."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from autonama.config import load_settings
from autonama.errors import ConfigError

WriteConfig = Callable[..., Path]
Refusal = Callable[..., str]


@pytest.fixture(autouse=True)
def in_empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No config.json lies in the current directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write_config(tmp_path: Path) -> WriteConfig:
    """`write_config({...}, name="config.json", mode=0o600)` -> path."""

    def write(content: object, name: str = "config.json", mode: int = 0o600) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def refusal() -> Refusal:
    """`refusal(config, **overrides)` -> what a user is told of settings that cannot be used."""

    def refused(config: Path | None = None, **overrides: object) -> str:
        with pytest.raises(ConfigError) as caught:
            load_settings(config, **overrides)
        assert caught.value.exit_code == 2
        return str(caught.value)

    return refused


@pytest.fixture
def ordinary_user() -> Callable[[], AbstractContextManager[None]]:
    """A block in which root, who may read everything, is somebody else."""

    @contextmanager
    def as_nobody() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return as_nobody
