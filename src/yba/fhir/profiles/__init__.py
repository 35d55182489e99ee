"""Profiles: conformance resources of packages, snapshots, and the tree of rules that validation walks.

Nothing here reads a database: a caller hands in what is stored. `yba.fhir.validation.examine` uses it.
Standard: FHIR R4 profiling.html, StructureDefinition; FHIR packages.
"""

from yba.fhir.profiles.packages import Packages, read_package
from yba.fhir.profiles.rules import Rule, Slicing, Structure, read_structure

__all__ = ["Packages", "Rule", "Slicing", "Structure", "read_package", "read_structure"]
