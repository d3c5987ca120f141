"""The rules: bytes and the time come in, frames and verdicts go out. No Twisted, no I/O, no clock."""
