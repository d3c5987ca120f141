"""The tests of camrelay; they mirror the package, and tests/process speaks to a real twistd."""
