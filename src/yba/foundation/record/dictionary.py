"""Placeholder."""

DICTIONARY_1 = b'{"resourceType":"Observation","id":"' * 4
