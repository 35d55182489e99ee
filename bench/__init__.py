"""Benchmarks: every figure of docs/benchmarks.md, printed by `make bench`.

Rates of a busy machine say little; ratios between interleaved rounds of one run say much.
"""
