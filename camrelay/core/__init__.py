"""The rules: bytes and `now` come in, frames and verdicts go out. No Twisted, no I/O, no clock."""
