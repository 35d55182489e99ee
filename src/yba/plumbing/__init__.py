"""I/O with no health words: database, jobs, blobs, settings, logs, web, HTML.

Nothing here knows what a patient is. Every floor above reaches the outside
world through this one.
"""
