"""What was said in rooms, in one SQLite file."""
