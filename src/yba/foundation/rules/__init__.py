"""Dated limits: amounts, days and ages that the law sets and changes.

Owns no table: the limits are data files of the program (`data/*.toml`), each
value with the days it holds, the act it comes from and how sure we are of it.
`docs/standards/rules.md` is rendered from them. Rules about a case (a claim, an
order) live in the context that owns the case and read their numbers here.
"""
