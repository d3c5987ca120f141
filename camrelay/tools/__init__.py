"""The `camrelay` command and its subcommands."""
