"""The verbs of FHIRPath: compile, evaluate, ask a condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

from yba.fhir.fhirpath.compiling import compiled
from yba.fhir.fhirpath.errors import FhirPathError, FhirPathSyntaxError
from yba.fhir.fhirpath.evaluation import Code, Env, Shared, truth
from yba.fhir.fhirpath.parser import parse
from yba.fhir.fhirpath.tree import Tree
from yba.fhir.fhirpath.values import Collection, Item, Node, root

_NO_VARIABLES: Mapping[str, Collection] = {}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression; safe to keep and to share between threads."""

    text: str
    tree: Tree
    code: Code

    def evaluate(
        self,
        context: msgspec.Struct | Node,
        *,
        resource: msgspec.Struct | None = None,
        variables: Mapping[str, Collection] | None = None,
        now: datetime = _EPOCH,
        resolve: Callable[[str], Node | None] | None = None,
        conforms: Callable[[Node, str], bool | None] | None = None,
        member_of: Callable[[Item, str], bool | None] | None = None,
    ) -> Collection:
        """Return the values of the expression for an element.

        `context` is what paths start from, `resource` the resource around it (itself if not given), `now` the
        aware moment for now() and today(), `resolve` finds what a reference points to,
        `conforms` and `member_of` answer conformsTo() and memberOf() (None: not known).
        Raises FhirPathError if the expression has no meaning there.
        """
        start = context if isinstance(context, Node) else root(context)
        around = start if resource is None else root(resource)
        shared = Shared(around, variables or _NO_VARIABLES, now, resolve, conforms, member_of)
        try:
            return self.code(Env(shared, [start]))
        except RecursionError:
            raise FhirPathError("the expression or the data is nested too deeply") from None


@lru_cache(maxsize=4096)
def compile_expression(text: str, *, strict: bool = False) -> Expression:
    """Return a compiled expression. Raises FhirPathError if it is none.

    With `strict` also if it can have no meaning whatever the data.
    """
    tree = parse(text)
    try:
        return Expression(text, tree, compiled(tree, strict=strict))
    except RecursionError:
        raise FhirPathSyntaxError("the expression is too long") from None


def evaluate(
    text: str,
    context: msgspec.Struct | Node,
    *,
    variables: Mapping[str, Collection] | None = None,
    now: datetime = _EPOCH,
) -> Collection:
    """Return the values of an expression for an element; compiled expressions are remembered."""
    return compile_expression(text).evaluate(context, variables=variables, now=now)


def is_true(
    text: str, context: msgspec.Struct | Node, *, resource: msgspec.Struct | None = None
) -> bool:
    """Return whether a condition holds; one that cannot be decided (empty) does not."""
    return truth(compile_expression(text).evaluate(context, resource=resource)) is True
