"""Checking signatures of any format, our own and strangers': one answer for all.

Pure: bytes, certificates and a moment in, findings in plain words out. Nothing
is fetched and nothing raises: what cannot be read is a finding. Every format
reduces to the same questions: which bytes were covered, does the signature fit
them, whose certificate is it, which authority answers for it, when was that
at the latest, and was it revoked by then.

    pdf        PAdES and older signatures inside a PDF
    cms        CAdES and PKCS#7, detached or enveloping
    xml        XAdES and XML signatures; returns the element that was covered
    jose       JWS and JAdES, compact and JSON
    provenance a FHIR Provenance with the resources it vouches for
    claims     paths, revocation, stamps, standing: the certificate's side

Standards: ETSI EN 319 102-1 §5 (validation), RFC 5280, RFC 6960, RFC 3161.
"""
