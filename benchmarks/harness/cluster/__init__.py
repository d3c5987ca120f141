"""Measuring several processes that are one relay: behind one port, or as nodes of one Redis."""
