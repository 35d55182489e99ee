"""FHIR XML, converted from and to FHIR JSON.

    xml.to_xml(b'{"resourceType":"Patient","active":true}')

Main rules: JSON is the form everything else works on; nothing is lost or respelled on the way (decimals keep
their digits, extensions of primitives stay), except that comments go and a narrative is written anew.
Hostile XML is refused: no DTD, no entities, nothing fetched, no depth without end.
Standard: FHIR R4 xml.html, json.html.
"""

from yba.fhir.xml.errors import NotFhirXml
from yba.fhir.xml.reading import to_json
from yba.fhir.xml.writing import to_xml

__all__ = ["NotFhirXml", "to_json", "to_xml"]
