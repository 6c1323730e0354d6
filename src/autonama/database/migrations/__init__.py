"""Alembic's script directory: each revision runs the SQL files that bear its number."""
