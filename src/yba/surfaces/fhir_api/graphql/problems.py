"""What is wrong with a GraphQL query, told as GraphQL tells it."""

from __future__ import annotations

from typing import Any

from graphql.language import Node, get_location


class Problem(Exception):
    """One error of a request; `path` leads to the field it concerns."""

    def __init__(self, message: str, node: Node | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.node = node
        self.path: list[str | int] = []

    def told(self) -> dict[str, Any]:
        """Return the error as the answer shows it."""
        said: dict[str, Any] = {"message": self.message}
        location = self.node.loc if self.node is not None else None
        if location is not None:
            place = get_location(location.source, location.start)
            said["locations"] = [{"line": place.line, "column": place.column}]
        if self.path:
            said["path"] = list(self.path)
        return said


class Refused(Exception):
    """The request as a whole cannot be answered: HTTP 400."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__()
        self.problems = problems
