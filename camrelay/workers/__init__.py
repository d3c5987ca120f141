"""Several processes on one port of one machine: one that supervises and N that serve."""
