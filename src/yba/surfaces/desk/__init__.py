"""The reception desk: scan, find, register, open a visit, print the slip.

Owns no data. Joins persons, clinics, visits and cover on screens that need no
mouse: a known patient takes one scan, one choice of room and Ctrl+Enter.
What a card says is never kept in a URL or a log.
"""
