"""`$export`: ask for everything, of all, of patients, or of a group's patients.

The request only writes down what is wanted; the worker does it (`record.bulk`).
Standard: HL7 FHIR Bulk Data Access 2.0, "Bulk Data Export Operation Request Flow".
"""

from __future__ import annotations

import re

from yba.fhir import r4
from yba.fhir.definitions import properties_of
from yba.fhir.generated.compartments import COMPARTMENTS
from yba.fhir.moments import range_of
from yba.foundation.access.model import ALL_CATEGORIES, policy_for
from yba.foundation.record import reading, settings
from yba.foundation.record.bulk import service
from yba.foundation.record.bulk.errors import BulkRefused
from yba.foundation.record.bulk.exporting import members_of
from yba.foundation.record.bulk.model import ExportWish, Level
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.everything import SUPPORTING
from yba.foundation.record.plans import TYPE_NUMBERS
from yba.foundation.record.query.guard import Guard
from yba.foundation.record.query.selection import chosen_by
from yba.kernel.actor import Actor
from yba.kernel.refusal import AccessRefused
from yba.plumbing.database import Tx
from yba.surfaces.fhir_api import bulk
from yba.surfaces.fhir_api.operation import Call, Given, Operation
from yba.surfaces.fhir_api.scoped import exportable

_KNOWN = ("_outputFormat", "_since", "_type", "_typeFilter", "_elements", "patient")
_FORMATS = ("application/fhir+ndjson", "application/ndjson", "ndjson")
_BETWEEN_FILTERS = re.compile(r",(?=[A-Z][A-Za-z]*\?)")
_MOST_PATIENTS = 10_000
_LEVELS: dict[str | None, Level] = {None: "system", "Patient": "patient", "Group": "group"}


async def export(call: Call) -> None:
    """Accept an export; answer where to look for it."""
    exchange = call.exchange
    if "respond-async" not in exchange.header(b"prefer"):
        raise BulkRefused(reason="an export is answered later; send Prefer: respond-async")
    given = await call.given()
    lenient = "handling=lenient" in exchange.header(b"prefer")
    wish = _Reader(call, given, lenient).wish()
    async with call.do.database.borrow() as connection:
        await _refuse_strangers(Tx(connection), wish, call.do.guard(call.actor))
    place = "/".join(part for part in (call.do.base, call.type, call.id) if part)
    request = f"{place}/$export" + (f"?{exchange.query}" if exchange.query else "")
    async with call.do.database.transaction() as tx:
        job = await service.ask(
            tx, actor=call.actor, wish=wish, request=request, at=call.do.clock()
        )
    where = bulk.address(call.do.base, job)
    await exchange.answer(202, headers=[(b"content-location", where.encode())])


class _Reader:
    """Reads the parameters; what is not done is refused, or with lenient handling left out."""

    def __init__(self, call: Call, given: Given, lenient: bool) -> None:
        self.call = call
        self.given = given
        self.lenient = lenient
        self.level: Level = _LEVELS[call.type]
        self.ignored: list[str] = []

    def wish(self) -> ExportWish:
        """Return what is asked for. Raises BulkRefused."""
        given = self.given
        for name in dict.fromkeys(given.names):
            if name not in _KNOWN:
                self._leave_out(name, "is not done here")
        wanted = given.text("_outputFormat").replace(" ", "+")
        if wanted and wanted not in _FORMATS:
            raise BulkRefused(reason="_outputFormat must be application/fhir+ndjson")
        types = exportable(self.call.actor, self._types())
        return ExportWish(
            self.level,
            group_id=self.call.id or "",
            types=types,
            since=self._since(),
            filters=self._filters(types),
            elements=self._elements(types),
            patients=self._patients(),
            ignored=tuple(dict.fromkeys(self.ignored)),
            left_out=_left_out(self.call.actor),
        )

    def _leave_out(self, name: str, why: str) -> None:
        if not self.lenient:
            shown = name if re.fullmatch(r"\w{1,40}", name, re.ASCII) else "that"
            raise BulkRefused(reason=f"the parameter {shown} {why}")
        self.ignored.append(name if re.fullmatch(r"\w{1,40}", name, re.ASCII) else "?")

    def _listed(self, name: str) -> list[str]:
        return [part for value in self.given.all(name) for part in str(value).split(",") if part]

    def _types(self) -> tuple[str, ...]:
        allowed = set(TYPE_NUMBERS)
        if self.level != "system":
            allowed = {"Patient", *COMPARTMENTS["Patient"], *SUPPORTING}
        found: dict[str, None] = {}
        for name in self._listed("_type"):
            if name in allowed:
                found[name] = None
            else:
                self._leave_out("_type", "names a type that is not exported here")
        if self._listed("_type") and not found:
            raise BulkRefused(reason="the parameter _type names nothing that is exported here")
        return tuple(found)

    def _since(self) -> int | None:
        text = self.given.text("_since").replace(" ", "+")
        if not text:
            return None
        try:
            return range_of(text, settings.zone())[0]
        except ValueError:
            raise BulkRefused(reason="_since must be an instant") from None

    def _filters(self, types: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for value in self.given.all("_typeFilter"):
            for one in _BETWEEN_FILTERS.split(str(value)):
                type_, _, query = one.partition("?")
                if type_ not in TYPE_NUMBERS or not query:
                    raise BulkRefused(reason="_typeFilter must be Type?query")
                if types and type_ not in types:
                    self._leave_out("_typeFilter", "filters a type that _type leaves out")
                    continue
                try:
                    chosen_by(type_, query)
                except UnsearchableQuery as refused:
                    if not self.lenient:
                        raise
                    self._leave_out("_typeFilter", str(refused))
                    continue
                found.append((type_, query))
        return tuple(found)

    def _elements(self, types: tuple[str, ...]) -> tuple[str, ...]:
        names, of_any = self._listed("_elements"), types or tuple(TYPE_NUMBERS)
        for name in names:
            type_, dot, element = name.rpartition(".")
            known = type_ in TYPE_NUMBERS if dot else True
            if not known or not any(element in _names(one) for one in ([type_] if dot else of_any)):
                raise BulkRefused(reason="_elements must name elements, such as Patient.name")
        return tuple(names)

    def _patients(self) -> tuple[str, ...]:
        if "patient" not in self.given:
            return ()
        if self.level == "system" or self.call.exchange.method != "POST":
            raise BulkRefused(reason="patient may be given by POST at Patient and Group only")
        ids: list[str] = []
        for value in self.given.all("patient"):
            text = value.reference if isinstance(value, r4.Reference) else value
            type_, _, id_ = str(text or "").removeprefix(self.call.do.base + "/").partition("/")
            if type_ != "Patient" or not id_:
                raise BulkRefused(reason="patient must be a reference such as Patient/1")
            ids.append(id_)
        if len(ids) > _MOST_PATIENTS:
            raise BulkRefused(reason=f"more than {_MOST_PATIENTS} patients; use a Group")
        return tuple(dict.fromkeys(ids))


def _left_out(actor: Actor) -> int:
    """Return the restricted categories that are left out. Raises AccessRefused.

    Who sees only some persons exports nothing in bulk: an export is made for a whole facility.
    """
    policy = policy_for(actor, at=None)
    if policy.everything:
        return 0
    if not policy.whole:
        raise AccessRefused
    return ALL_CATEGORIES & ~policy.categories


def _names(type_: str) -> set[str]:
    properties = properties_of(type_).values()
    return {item.name for item in properties} | {item.element for item in properties}


async def _refuse_strangers(tx: Tx, wish: ExportWish, guard: Guard | None) -> None:
    """Raise if the group does not exist, or a patient is not there or not of the group."""
    if wish.level == "group":
        members = await members_of(tx, wish.group_id, guard)
        if not set(wish.patients) <= set(members):
            raise BulkRefused(reason="a patient is not a member of the group")
    elif wish.patients:
        places = [("Patient", one) for one in wish.patients]
        found = await reading.read_many(tx.connection, places, guard)
        if any(place not in found or found[place].deleted for place in places):
            raise BulkRefused(reason="a patient does not exist here")


_CANONICAL = "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/"
OPERATIONS: tuple[Operation, ...] = (
    Operation("export", _CANONICAL + "export", frozenset({"system"}), "fhir.export", export),
    Operation(
        "export", _CANONICAL + "patient-export", frozenset({"type"}), "fhir.export", export,
        frozenset({"Patient"}),
    ),
    Operation(
        "export", _CANONICAL + "group-export", frozenset({"instance"}), "fhir.export", export,
        frozenset({"Group"}),
    ),
)  # fmt: skip
