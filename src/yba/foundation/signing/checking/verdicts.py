"""From the findings on each signature to one answer."""

from yba.foundation.signing.checking.model import Finding, Format, Verdict, Verification


def answer(digest: str, format_: Format, findings: tuple[Finding, ...]) -> Verification:
    """Return the answer to a file with at least one signature.

    VALID only if every signature is intact and trusted and the last one
    covers the whole file (or, where a format signs parts, its part).
    """
    problems = tuple(dict.fromkeys(p for finding in findings for p in finding.problems))
    return Verification(digest, _verdict(findings), findings, problems, format_)


def _verdict(findings: tuple[Finding, ...]) -> Verdict:
    if not findings[-1].covers_whole_document:
        return Verdict.INVALID
    if any(finding.changed_after or not finding.intact for finding in findings):
        return Verdict.INVALID
    if not all(finding.trusted for finding in findings):
        return Verdict.UNTRUSTED
    return Verdict.VALID
