"""The encodings between rooms and members: one file per dialect, one interface for all."""
