"""Accounts: who may sign in, in which role, with which session.

Owns accounts.account and accounts.session. Passwords are kept as argon2id
hashes, sessions and bearer tokens only as SHA-256 of a random secret. Staff
and citizens are accounts alike; a citizen's account names her Patient.

Standards: OWASP ASVS 5 chapters 6 and 7; RFC 6750 for bearer tokens.
"""
