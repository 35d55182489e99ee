"""`$viewdefinition-run` (formerly `$run`): a table of resources, written while it is read.

What is wrong with the request, or with the first rows, is refused as usual. A resource further on that the view
cannot take breaks the answer off, so that nobody takes a part for the whole.
Standard: SQL on FHIR 2.1, OperationDefinition $viewdefinition-run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from yba.fhir import views
from yba.surfaces.fhir_api.interactions import READ
from yba.surfaces.fhir_api.operation import Call, Operation
from yba.surfaces.fhir_api.operations.sql_on_fhir import ViewRefused, Wish, resources_of, wish_of

_PIECE = 64 * 1024
_DEFINITION = "http://sql-on-fhir.org/OperationDefinition/$viewdefinition-run"
# Not a type of R4: only these operations know it.
VIEW_DEFINITION = "ViewDefinition"


async def run(call: Call) -> None:
    """Answer the table that a view makes of the record, or of the resources given."""
    wish = await wish_of(call)
    content_type = views.MEDIA_TYPES[wish.format].encode()
    await call.exchange.stream(_pieces(call, wish), content_type)


async def _pieces(call: Call, wish: Wish) -> AsyncIterator[bytes]:
    """Yield the table in pieces of some size. Raises ViewRefused at the first resource that does not fit."""
    writer = views.TableWriter(
        wish.view.view.columns, wish.format, header=wish.header, exact=wish.exact
    )
    piece, left = [writer.start()], wish.limit
    size, now = len(piece[0]), call.do.clock()
    async for resources in resources_of(call, wish):
        for resource in resources:
            try:
                rows = wish.view.rows(resource, now=now)
            except views.ViewError as problem:
                raise ViewRefused(problem=str(problem)) from None
            written = writer.rows(rows if left is None else rows[:left])
            piece.append(written)
            size += len(written)
            left = None if left is None else left - len(rows)
            if left is not None and left <= 0:
                break
        if size >= _PIECE:
            yield b"".join(piece)
            piece, size = [], 0
        if left is not None and left <= 0:
            break
    yield b"".join([*piece, writer.end()])


OPERATIONS: tuple[Operation, ...] = tuple(
    Operation(
        name, _DEFINITION, frozenset({"system", "type", "instance"}), READ, run,
        frozenset({VIEW_DEFINITION}), own_formats=True,
    )
    for name in ("viewdefinition-run", "run")
)  # fmt: skip
