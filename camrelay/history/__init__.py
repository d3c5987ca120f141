"""The message history, in memory or in a file."""
