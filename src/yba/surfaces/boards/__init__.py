"""The public queue board: numbers, never names.

Owns no data. The page is complete without scripts and reloads itself; with
them it hears of each change within a second, because PostgreSQL notifies the
channel `work` at commit. Standard: HTML server-sent events.
"""
