"""The SQL of decisions, releases, disclosures, requests, proxies."""

from typing import LiteralString

_DECISION: LiteralString = """
    SELECT decision_id, patient_id, purpose, given, text_version, text_sha256, language, channel,
           evidence, by_subject, by_representative, representative, relation, account_id, at,
           ask_again_on, withdrawn_at, withdrawal_channel, withdrawal_due_on, withdrawal_done_at,
           replaced_at, witness, scan, withdrawal_evidence, withdrawal_witness
      FROM consent.decision
"""
LOCK_PATIENT: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended('consent:' || $1, 0))"
REPLACE: LiteralString = """
    UPDATE consent.decision SET replaced_at = $3
     WHERE patient_id = $1 AND purpose = $2 AND withdrawn_at IS NULL AND replaced_at IS NULL
"""
DECIDE: LiteralString = """
    INSERT INTO consent.decision (decision_id, patient_id, purpose, given, text_version,
           text_sha256, language, channel, evidence, by_subject, by_representative,
           representative, relation, account_id, at, ask_again_on, witness, scan)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
"""
DECISION: LiteralString = _DECISION + " WHERE decision_id = $1"
DECISIONS: LiteralString = _DECISION + " WHERE patient_id = $1 ORDER BY decision_id DESC LIMIT $2"
STANDING: LiteralString = (
    _DECISION
    + " WHERE patient_id = $1 AND purpose = $2 AND withdrawn_at IS NULL AND replaced_at IS NULL"
)
WITHDRAW: LiteralString = """
    UPDATE consent.decision
       SET withdrawn_at = $2, withdrawn_by = $3, withdrawal_channel = $4, withdrawal_due_on = $5,
           withdrawal_evidence = $6, withdrawal_witness = $7
     WHERE decision_id = $1 AND given AND withdrawn_at IS NULL AND replaced_at IS NULL
"""
WITHDRAWAL_DONE: LiteralString = """
    UPDATE consent.decision SET withdrawal_done_at = $2
     WHERE decision_id = $1 AND withdrawn_at IS NOT NULL AND withdrawal_done_at IS NULL
"""
OPEN_WITHDRAWALS: LiteralString = (
    _DECISION
    + """ WHERE withdrawn_at IS NOT NULL AND withdrawal_done_at IS NULL
          ORDER BY withdrawal_due_on, decision_id LIMIT $1"""
)
DUE_TO_ASK_AGAIN: LiteralString = (
    _DECISION
    + """ WHERE ask_again_on <= $1 AND asked_again_at IS NULL AND withdrawn_at IS NULL
            AND replaced_at IS NULL
          ORDER BY ask_again_on, decision_id LIMIT $2 FOR UPDATE SKIP LOCKED"""
)
ASKED_AGAIN: LiteralString = (
    "UPDATE consent.decision SET asked_again_at = $2 WHERE decision_id = ANY($1::bigint[])"
)

_RELEASE: LiteralString = """
    SELECT release_id, patient_id, recipient_kind, recipient_code, recipient_name, kinds, purpose,
           channel, evidence, requested_by, relation, since, until, ended_at
      FROM consent.release
"""
ADD_RELEASE: LiteralString = """
    INSERT INTO consent.release (release_id, patient_id, recipient_kind, recipient_code,
           recipient_name, kinds, purpose, channel, evidence, requested_by, relation, account_id,
           since, until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
RELEASES: LiteralString = _RELEASE + " WHERE patient_id = $1 ORDER BY release_id DESC LIMIT $2"
COVERING: LiteralString = (
    _RELEASE
    + """ WHERE patient_id = $1 AND recipient_kind = $2 AND recipient_code = $3
            AND kinds @> $4::text[] AND since <= $5 AND until > $5 AND ended_at IS NULL
          ORDER BY until DESC, release_id DESC LIMIT 1 FOR SHARE"""
)
RELEASE: LiteralString = _RELEASE + " WHERE release_id = $1"
END_RELEASE: LiteralString = """
    UPDATE consent.release SET ended_at = $2 WHERE release_id = $1 AND ended_at IS NULL
"""
DISCLOSE: LiteralString = """
    INSERT INTO consent.disclosure (disclosure_id, patient_id, recipient_kind, recipient_code,
           recipient_name, basis, release_id, reason, kinds, resources, account_id, actor_name, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
_DISCLOSURE: LiteralString = """
    SELECT disclosure_id, patient_id, recipient_kind, recipient_code, recipient_name, basis,
           release_id, reason, kinds, resources, actor_name, at
      FROM consent.disclosure
"""
DISCLOSURES: LiteralString = (
    _DISCLOSURE + " WHERE patient_id = $1 ORDER BY disclosure_id DESC LIMIT $2"
)
ALL_DISCLOSURES: LiteralString = _DISCLOSURE + " ORDER BY disclosure_id DESC LIMIT $1"

_REQUEST: LiteralString = """
    SELECT request_id, patient_id, kind, state, details, target, proposed, channel, account_id,
           requested_by, relation, with_processors, received_at, answer_due_on, due_on,
           answered_at, extended_at, extension_reason, closed_at, answer, legal_basis, result,
           closed_by
      FROM consent.request
"""
ADD_REQUEST: LiteralString = """
    INSERT INTO consent.request (request_id, patient_id, kind, state, details, target, proposed,
           channel, account_id, requested_by, relation, with_processors, received_at,
           answer_due_on, due_on)
    VALUES ($1, $2, $3, 'received', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
REQUEST: LiteralString = _REQUEST + " WHERE request_id = $1"
LOCKED_REQUEST: LiteralString = REQUEST + " FOR UPDATE"
REQUESTS_OF: LiteralString = _REQUEST + " WHERE patient_id = $1 ORDER BY request_id DESC LIMIT $2"
OPEN_REQUESTS: LiteralString = (
    _REQUEST
    + """ WHERE state IN ('received', 'accepted') AND ($1::text[] IS NULL OR kind = ANY($1))
          ORDER BY CASE WHEN answered_at IS NULL THEN least(answer_due_on, due_on) ELSE due_on END,
                   request_id
          LIMIT $2"""
)
CLOSED_REQUESTS: LiteralString = (
    _REQUEST
    + """ WHERE state NOT IN ('received', 'accepted')
          ORDER BY closed_at DESC, request_id DESC LIMIT $1"""
)
CORRECTIONS_ON: LiteralString = (
    _REQUEST + " WHERE kind = 'correct' AND target = ANY($1::text[]) ORDER BY request_id DESC"
)
ANSWER: LiteralString = """
    UPDATE consent.request SET state = 'accepted', answered_at = $2 WHERE request_id = $1
"""
EXTEND: LiteralString = """
    UPDATE consent.request
       SET extended_at = $2, extension_reason = $3, due_on = $4,
           state = 'accepted', answered_at = coalesce(answered_at, $2)
     WHERE request_id = $1
"""
CLOSE: LiteralString = """
    UPDATE consent.request
       SET state = $2, closed_at = $3, answer = $4, legal_basis = $5, result = $6, closed_by = $7,
           answered_at = coalesce(answered_at, $3)
     WHERE request_id = $1
"""
STEP: LiteralString = """
    INSERT INTO consent.request_step (request_id, at, step, account_id, actor_name, words)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
STEPS: LiteralString = """
    SELECT at, step, actor_name, words FROM consent.request_step
     WHERE request_id = $1 ORDER BY at, ctid
"""

_PROXY: LiteralString = """
    SELECT proxy_id, patient_id, person_id, person_name, patient_name, relation, state, asked_at,
           decided_at, papers, until, ended_at
      FROM consent.proxy
"""
ASK_PROXY: LiteralString = """
    INSERT INTO consent.proxy (proxy_id, patient_id, person_id, person_name, patient_name,
           relation, state, asked_at, asked_by)
    VALUES ($1, $2, $3, $4, $5, $6, 'asked', $7, $8)
    ON CONFLICT DO NOTHING
"""
PROXY: LiteralString = _PROXY + " WHERE proxy_id = $1 FOR UPDATE"
PROXIES_OF: LiteralString = (
    _PROXY + " WHERE patient_id = $1 OR person_id = $1 ORDER BY proxy_id DESC LIMIT 200"
)
PROXIES_ASKED: LiteralString = _PROXY + " WHERE state = 'asked' ORDER BY proxy_id LIMIT $1"
ACTS_FOR: LiteralString = (
    _PROXY
    + """ WHERE person_id = $1 AND patient_id = $2 AND state = 'accepted'
            AND (until IS NULL OR until > $3)"""
)
DECIDE_PROXY: LiteralString = """
    UPDATE consent.proxy
       SET state = $2, decided_at = $3, decided_by = $4, papers = $5, until = $6
     WHERE proxy_id = $1 AND state = 'asked'
"""
END_PROXY: LiteralString = """
    UPDATE consent.proxy SET state = 'ended', ended_at = $2, ended_by = $3
     WHERE proxy_id = $1 AND state IN ('asked', 'accepted')
"""
