"""Identities: tokens, the keys that sign them, and guests. Only this package knows of JWT."""
