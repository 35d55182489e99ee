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

ROLES_OF: LiteralString = """
    SELECT roles FROM signing.regulation
     WHERE kind = $1 AND valid_from <= $2
     ORDER BY valid_from DESC LIMIT 1
"""

REGULATION: LiteralString = """
    SELECT kind, valid_from, roles, source FROM signing.regulation
     ORDER BY kind, valid_from DESC
"""

# A line of today or of a day to come can be decided anew; the past stays.
DECIDE_ORDER: LiteralString = """
    INSERT INTO signing.regulation (kind, valid_from, roles, source) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, valid_from) DO UPDATE SET roles = $3, source = $4
"""

OFFICERS: LiteralString = """
    SELECT role, holder_id, holder_name, valid_from FROM signing.officer
     ORDER BY role, valid_from DESC
"""

APPOINT: LiteralString = """
    INSERT INTO signing.officer (role, holder_id, holder_name, valid_from) VALUES ($1, $2, $3, $4)
    ON CONFLICT (role, valid_from) DO UPDATE SET holder_id = $2, holder_name = $3
"""

CERTIFICATES: LiteralString = """
    SELECT certificate_id, holder_kind, holder_id, holder_name, organisation, licence,
           key_place, key_label, der, fingerprint, valid_from, valid_to, chain, title
      FROM signing.certificate
     WHERE retired_at IS NULL
     ORDER BY holder_kind, holder_name, certificate_id
     LIMIT $1
"""

OPEN_REQUEST: LiteralString = """
    SELECT request_id FROM signing.request WHERE kind = $1 AND about = $2 AND state = 'open'
"""

INSERT_REQUEST: LiteralString = """
    INSERT INTO signing.request
           (request_id, kind, about, encounter_id, patient_id, summary, opened_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (kind, about) WHERE state = 'open' DO NOTHING
"""

INSERT_STEP: LiteralString = """
    INSERT INTO signing.step (request_id, position, role, holder_id, holder_name)
    VALUES ($1, $2, $3, $4, $5)
"""

_REQUEST: LiteralString = """
    SELECT r.request_id, r.kind, r.about, r.encounter_id, r.patient_id, r.summary, r.document,
           r.state, r.opened_at, s.position::int AS position, s.role, s.holder_id, s.holder_name,
           '' AS on_behalf_of
      FROM signing.request r
      JOIN signing.step s USING (request_id)
"""

_NOBODY_BEFORE: LiteralString = """
       AND NOT EXISTS (SELECT FROM signing.step earlier
                        WHERE earlier.request_id = s.request_id
                          AND earlier.position < s.position AND earlier.state = 'waiting')
"""

NEXT_OF: LiteralString = (
    _REQUEST
    + """
     WHERE s.holder_id = ANY($1) AND s.state = 'waiting' AND s.role <> 'organisation'
       AND r.state = 'open'
"""
    + _NOBODY_BEFORE
    + " ORDER BY r.request_id LIMIT $2"
)

SEALS_WAITING: LiteralString = (
    _REQUEST
    + """
     WHERE s.state = 'waiting' AND s.role = 'organisation' AND r.state = 'open'
       AND (s.due_at IS NULL OR s.due_at <= $2)
"""
    + _NOBODY_BEFORE
    + " ORDER BY r.request_id LIMIT $1"
)

STEP_POSTPONED: LiteralString = """
    UPDATE signing.step
       SET attempts = attempts + 1, why = $3,
           due_at = $4::timestamptz
                  + least(interval '1 minute' * 2 ^ least(attempts, 10), interval '6 hours')
     WHERE request_id = $1 AND position = $2 AND state = 'waiting'
"""

REQUEST_AT: LiteralString = _REQUEST + " WHERE r.request_id = $1 AND s.position = $2"

LOCK_REQUEST: LiteralString = """
    SELECT state FROM signing.request WHERE request_id = $1 FOR UPDATE
"""

STEPS_OF: LiteralString = """
    SELECT request_id, position::int AS position, role, holder_id, holder_name, state, signed_by,
           reason, at
      FROM signing.step WHERE request_id = $1 ORDER BY position
"""

STEP_SIGNED: LiteralString = """
    UPDATE signing.step SET state = 'signed', signed_by = $3, signature_id = $4, at = $5
     WHERE request_id = $1 AND position = $2 AND state = 'waiting'
"""

STEP_REFUSED: LiteralString = """
    UPDATE signing.step SET state = 'refused', signed_by = $3, reason = $4, at = $5
     WHERE request_id = $1 AND position = $2 AND state = 'waiting'
"""

STEPS_LEFT: LiteralString = """
    SELECT count(*) FROM signing.step WHERE request_id = $1 AND state = 'waiting'
"""

FORGET_OF_ENCOUNTER: LiteralString = """
    UPDATE signing.request SET summary = '', patient_id = '' WHERE encounter_id = $1
"""
REQUEST_GOES_ON: LiteralString = """
    UPDATE signing.request
       SET document = $2,
           state = CASE WHEN $4 THEN 'signed' ELSE state END,
           closed_at = CASE WHEN $4 THEN $3::timestamptz END
     WHERE request_id = $1
"""

REQUEST_CLOSED: LiteralString = """
    UPDATE signing.request SET state = $2, closed_at = $3 WHERE request_id = $1 AND state = 'open'
"""

WITHDRAW_OF_ENCOUNTER: LiteralString = """
    UPDATE signing.request SET state = 'withdrawn', closed_at = $2
     WHERE encounter_id = $1 AND state = 'open' AND document = ''
"""

INSERT_DELEGATION: LiteralString = """
    INSERT INTO signing.delegation
           (delegation_id, giver_id, giver_name, taker_id, taker_name, kinds, reason,
            valid_from, valid_to, given_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

END_DELEGATION: LiteralString = """
    UPDATE signing.delegation SET ended_at = $3
     WHERE delegation_id = $1 AND giver_id = $2 AND ended_at IS NULL
"""

_DELEGATION: LiteralString = """
    SELECT delegation_id, giver_id, giver_name, taker_id, taker_name, kinds, reason,
           valid_from, valid_to, ended_at
      FROM signing.delegation
"""

DELEGATIONS_OF: LiteralString = (
    _DELEGATION + " WHERE giver_id = $1 OR taker_id = $1 ORDER BY delegation_id DESC LIMIT $2"
)

DELEGATIONS_TAKEN: LiteralString = (
    _DELEGATION
    + """
     WHERE taker_id = $1 AND valid_from <= $2 AND valid_to > $2
       AND (ended_at IS NULL OR ended_at > $2)
     ORDER BY delegation_id DESC
"""
)

INSERT_AGENT: LiteralString = """
    INSERT INTO signing.agent (agent_id, account_id, name, code_hash, code_until)
    VALUES ($1, $2, $3, $4, $5)
"""

PAIR_AGENT: LiteralString = """
    UPDATE signing.agent
       SET token_hash = $3, paired_at = $2, seen_at = $2, code_hash = NULL, code_until = NULL
     WHERE code_hash = $1 AND code_until > $2 AND ended_at IS NULL
    RETURNING account_id
"""

AGENT_CALLS: LiteralString = """
    UPDATE signing.agent SET seen_at = $2
     WHERE token_hash = $1 AND ended_at IS NULL
    RETURNING agent_id, account_id, name, paired_at, seen_at, found
"""

AGENTS_OF: LiteralString = """
    SELECT agent_id, account_id, name, paired_at, seen_at, found
      FROM signing.agent
     WHERE account_id = $1 AND ended_at IS NULL AND paired_at IS NOT NULL
     ORDER BY agent_id DESC
"""

END_AGENT: LiteralString = """
    UPDATE signing.agent SET ended_at = $3, token_hash = NULL
     WHERE agent_id = $1 AND account_id = $2 AND ended_at IS NULL
"""

AGENT_FOUND: LiteralString = "UPDATE signing.agent SET found = $2 WHERE agent_id = $1"

INSERT_TASK: LiteralString = """
    INSERT INTO signing.agent_task
           (task_id, agent_id, key_label, summary, lines, digests, asked_at, until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

TAKE_TASK: LiteralString = """
    UPDATE signing.agent_task SET taken_at = $2
     WHERE task_id = (SELECT task_id FROM signing.agent_task
                       WHERE agent_id = $1 AND done_at IS NULL AND taken_at IS NULL AND until > $2
                       ORDER BY task_id LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING task_id, key_label, summary, lines, digests
"""

FINISH_TASK: LiteralString = """
    UPDATE signing.agent_task SET signatures = $3, refused = $4, done_at = $5
     WHERE task_id = $1 AND agent_id = $2 AND done_at IS NULL AND until > $5
"""

TASK_OUTCOME: LiteralString = """
    SELECT signatures, refused, done_at FROM signing.agent_task WHERE task_id = $1
"""

GIVE_UP_TASK: LiteralString = """
    UPDATE signing.agent_task SET refused = 'gave-up', done_at = $2
     WHERE task_id = $1 AND done_at IS NULL
"""

OFFICER_OF: LiteralString = """
    SELECT holder_id, holder_name FROM signing.officer
     WHERE role = $1 AND valid_from <= $2
     ORDER BY valid_from DESC LIMIT 1
"""
