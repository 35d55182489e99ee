"""What can go wrong with an expression."""


class FhirPathError(ValueError):
    """An expression that cannot be read, or has no meaning for what it is asked of.

    Invariants and searches that raise it are wrong themselves; data never is the cause of a crash.
    """


class FhirPathSyntaxError(FhirPathError):
    """The text is not FHIRPath."""
