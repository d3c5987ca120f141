"""What was said in rooms, kept in memory or in a file."""
