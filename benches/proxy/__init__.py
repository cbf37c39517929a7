"""Benchmarks of the whole proxy. Each is a program that prints ratios made in one run; see docs/performance.md."""
