"""Validation of resources against the FHIR R4 definitions, in two speeds.

`check` is asked at every write: structure, cardinality, formats and required codes, by one decode at C speed and one
generated walk over the typed tree; only when that fails does `walker` read the plain JSON to name every issue.
`examine` is asked by `$validate` and by whoever wants to know everything: also invariants, bindings, references,
extensions, narratives, and profiles with slicing.

    packages = Packages.of_r4().with_package(Path("hl7.fhir.uv.ips-2.0.0.tgz"))
    issues = examine(document, profiles=[".../StructureDefinition/Bundle-uv-ips"], packages=packages)
    assert not any(issue.is_error for issue in issues)

Standard: FHIR R4 resource validation, https://hl7.org/fhir/R4/validation.html.
"""

from yba.fhir.validation.examination import examine
from yba.fhir.validation.issues import Issue
from yba.fhir.validation.service import check, is_sound

__all__ = ["Issue", "check", "examine", "is_sound"]
