"""What is wrong with a document."""


class NotFhirXml(ValueError):
    """The document is no FHIR XML, or cannot be written as such; the text says why, without values."""
