"""Several processes on one port of one machine: a supervisor and N workers."""
