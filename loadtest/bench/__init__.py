"""Benchmarks: they print figures and judge nothing. `python -m loadtest.bench` runs them all."""
