"""What validation says: one issue, its place, and its sentence in English with what is needed to say it otherwise.

Standard: FHIR R4 OperationOutcome.issue.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

Severity: TypeAlias = Literal["fatal", "error", "warning", "information"]

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class Issue(NamedTuple):
    """One thing that is wrong, as in OperationOutcome.issue."""

    severity: Severity
    code: str
    """Of the value set IssueType: structure, required, value, code-invalid, too-long..."""
    expression: str
    """FHIRPath of the place, "Patient.name[0].given[1]"."""
    diagnostics: str
    """The sentence in English, with names of elements and rules but never values of the resource."""
    message: str = ""
    """The same sentence as msgid with placeholders; "" if it has no translation."""
    values: Mapping[str, object] = _NOTHING

    def text(self, translate: Callable[[str], str]) -> str:
        """Return the sentence in the language of `translate`, a function from msgid to sentence."""
        return translate(self.message) % self.values if self.message else self.diagnostics

    @property
    def is_error(self) -> bool:
        """Return whether the resource is invalid because of this."""
        return self.severity in ("error", "fatal")


def issue(severity: Severity, code: str, expression: str, message: str, **values: object) -> Issue:
    """Return an issue whose sentence is a msgid with placeholders."""
    return Issue(severity, code, expression, message % values, message, values)
