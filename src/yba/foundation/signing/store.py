"""The SQL of signing.certificate and signing.signature."""

from typing import LiteralString

CERTIFICATE_IN_USE: LiteralString = """
    SELECT certificate_id, holder_kind, holder_id, holder_name, organisation, licence,
           key_place, key_label, der, fingerprint, valid_from, valid_to, chain, title
      FROM signing.certificate
     WHERE holder_kind = $1 AND holder_id = $2 AND retired_at IS NULL
"""

# Two requests of one signer must not both issue a first certificate.
LOCK_HOLDER: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended($1, 7))"

INSERT_CERTIFICATE: LiteralString = """
    INSERT INTO signing.certificate
           (certificate_id, holder_kind, holder_id, holder_name, organisation, licence,
            key_place, key_label, der, fingerprint, valid_from, valid_to, issued_at, chain, title)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""

RETIRE_CERTIFICATE: LiteralString = """
    UPDATE signing.certificate SET retired_at = $2, retired_why = $3
     WHERE certificate_id = $1 AND retired_at IS NULL
"""

INSERT_SIGNATURE: LiteralString = """
    INSERT INTO signing.signature
           (signature_id, document, input_sha256, signed_sha256, role, level, fingerprint,
            account_id, signer_name, shown, method, signed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

INSERT_EVIDENCE: LiteralString = """
    INSERT INTO signing.signature
           (signature_id, document, input_sha256, signed_sha256, role, level, fingerprint,
            account_id, signer_name, shown, method, signed_at, on_behalf_of, certificate_state)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

SIGNATURES_OF: LiteralString = """
    SELECT signature_id, document, input_sha256, signed_sha256, role, level, fingerprint,
           account_id, signer_name, shown, method, signed_at, on_behalf_of, certificate_state
      FROM signing.signature
     WHERE document = $1
     ORDER BY signature_id
"""
