"""Refusals as OperationOutcome."""

from __future__ import annotations

from yba.fhir import r4
from yba.foundation.record.errors import InvalidResource
from yba.kernel.refusal import Refusal

# FHIR IssueType by HTTP status.
_TYPES = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported",
    406: "not-supported", 409: "conflict", 410: "deleted", 412: "conflict", 413: "too-long",
    415: "not-supported", 422: "processing", 500: "exception", 503: "transient",
}  # fmt: skip


def of(refused: Refusal) -> r4.OperationOutcome:
    """Return what a refusal says, for machines (code) and people (diagnostics)."""
    issue = r4.OperationOutcomeIssue(
        severity="error",
        code=getattr(refused, "issue", None) or _TYPES.get(refused.status, "processing"),  # type: ignore[arg-type]
        details=r4.CodeableConcept(
            coding=[r4.Coding(system="urn:yba:vn:code:refusal", code=refused.code)]
        ),
        diagnostics=refused.text(),
    )
    if isinstance(refused, InvalidResource) and refused.values.get("where"):
        issue.expression = [str(refused.values["where"])]
    elif "entry" in refused.values:
        issue.expression = [f"Bundle.entry[{refused.values['entry']}]"]
    return r4.OperationOutcome(issue=[issue])


def body(refused: Refusal) -> bytes:
    """Return the same as JSON."""
    return r4.encode(of(refused))


def done(text: str) -> bytes:
    """Return the news that something was done, for who prefers that to the resource."""
    issue = r4.OperationOutcomeIssue(severity="information", code="informational", diagnostics=text)
    return r4.encode(r4.OperationOutcome(issue=[issue]))


def bug() -> bytes:
    """Return the answer to what should never have happened; it tells nothing."""
    issue = r4.OperationOutcomeIssue(
        severity="fatal", code="exception", diagnostics="Not done: an error of this server."
    )
    return r4.encode(r4.OperationOutcome(issue=[issue]))


def notes(texts: list[str]) -> r4.OperationOutcome:
    """Return warnings about parameters that were left out, as a lenient search allows."""
    return r4.OperationOutcome(
        issue=[
            r4.OperationOutcomeIssue(severity="warning", code="not-supported", diagnostics=text)
            for text in texts
        ]
    )
