"""STAND-IN by the lead; the owner of logs replaces this file whole."""
from contextlib import contextmanager
@contextmanager
def logging_to(settings, engine, *, log_format="text"):
    yield
