"""Decisions and releases as FHIR R4 Consent, for the record.

The surfaces store them beside the row, because this context stands below the record.
"""

from typing import Any

import orjson

from yba.fhir import r4
from yba.foundation.consent.model import Decision, Release
from yba.kernel.ids import encode_id

PURPOSE_SYSTEM = "urn:yba:consent-purpose"
_SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
_CATEGORY = "http://loinc.org"
_ROLE = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"


def _base(id_: str, patient_id: str, status: str, scope: str) -> dict[str, Any]:
    return {
        "resourceType": "Consent",
        "id": id_,
        "status": status,
        "scope": {"coding": [{"system": _SCOPE, "code": scope}]},
        "category": [{"coding": [{"system": _CATEGORY, "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{patient_id}"},
    }


def consent_of(decision: Decision) -> r4.Consent:
    """Return a decision as Consent: permit or deny, its purpose, its words by hash.

    A decision has one resource: what ends it is the next version.
    """
    id_ = encode_id(decision.decision_id)
    status = (
        "active" if decision.withdrawn_at is None and decision.replaced_at is None else "inactive"
    )
    scope = "research" if decision.purpose == "research" else "patient-privacy"
    body = _base(id_, decision.patient_id, status, scope) | {
        "dateTime": decision.at.isoformat(),
        "policyRule": {"text": f"{decision.purpose} {decision.text_version} {decision.language}"},
        "policy": [{"uri": f"urn:sha256:{decision.text_sha256.hex()}"}],
        "provision": {
            "type": "permit" if decision.given else "deny",
            "purpose": [{"system": PURPOSE_SYSTEM, "code": decision.purpose}],
        },
    }
    if decision.evidence:
        paper = {"title": decision.evidence}
        if decision.scan:
            paper["url"] = f"urn:sha256:{decision.scan}"
        body["sourceAttachment"] = paper
    if decision.by_subject:
        body["performer"] = [{"reference": f"Patient/{decision.patient_id}"}]
    if decision.representative:
        body["verification"] = [
            {"verified": True, "verifiedWith": {"display": decision.representative}}
        ]
    return r4.decode_as(r4.Consent, orjson.dumps(body))


def release_of(release: Release) -> r4.Consent:
    """Return a written request as Consent: who may be given which kinds, from when until when."""
    is_open = release.ended_at is None
    body = _base(
        encode_id(release.release_id),
        release.patient_id,
        "active" if is_open else "inactive",
        "patient-privacy",
    )
    body |= {
        "dateTime": release.since.isoformat(),
        "policyRule": {"text": "Luật 91/2025/QH15, Điều 26 khoản 2"},
        "provision": {
            "type": "permit",
            "period": {"start": release.since.isoformat(), "end": release.until.isoformat()},
            "actor": [
                {
                    "role": {"coding": [{"system": _ROLE, "code": "PRCP"}]},
                    "reference": {
                        "display": f"{release.recipient_name} ({release.recipient_code})"
                    },
                }
            ],
            "class": [{"system": "urn:yba:data-kind", "code": kind} for kind in release.kinds],
        },
    }
    return r4.decode_as(r4.Consent, orjson.dumps(body))
