"""Pure values that every floor shares: ids, clock, money, text, refusals.

No I/O, no health rules. Whatever is written here must be understandable
without knowing what a hospital is.
"""
