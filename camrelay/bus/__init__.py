"""Buses: how publications travel between nodes."""
