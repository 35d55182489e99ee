"""What can be wrong with a view, or with a resource under it."""


class ViewError(ValueError):
    """A ViewDefinition has no meaning, or a resource gives a column more than it may hold.

    The text names the place in the definition and never a value of a resource.
    """
