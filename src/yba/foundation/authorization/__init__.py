"""Authorization: which program may do what in whose name, and for how long.

Owns the schema "authorization": programs, their launches, requests, codes, tokens and the keys
that sign identity tokens. Secrets, codes and tokens are kept as SHA-256 of random values; signing
keys are sealed by a key that lies outside the database. What a person grants is never more than
she may do herself, and ends at once when it is revoked.

Standards: OAuth 2.1 (draft-ietf-oauth-v2-1), OpenID Connect Core 1.0, HL7 SMART App Launch 2.2,
RFC 6749, 6750, 7009, 7523, 7591 (metadata names), 7636, 7662, 8252, 8414, 8707, 9126, 9207.
"""
