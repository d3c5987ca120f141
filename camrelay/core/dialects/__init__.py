"""The ways in which a room speaks to its members, and in which they speak to it."""
