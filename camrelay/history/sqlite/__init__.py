"""The message history in one SQLite file."""
