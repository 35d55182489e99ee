"""What can be wrong with a unit."""


class UnitError(ValueError):
    """A text is no UCUM unit, or the units have no such conversion between them."""
