"""What `benchmarks/run.py` and `benchmarks/render.py` are made of."""
