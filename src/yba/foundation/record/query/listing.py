"""`_list`: what List resources name, and the functional lists of current problems and medicines.

Main rule: a functional list is kept by nobody; it is what the resources say of themselves at the
moment. A name that R4 does not define is refused.
Standard: FHIR R4 search.html#list; list.html#current.
"""

from __future__ import annotations

from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.tree import Condition, Either, Every, Has, Leaf

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_ALLERGY = (
    ("clinical-status", "", (f"{_TERMINOLOGY}allergyintolerance-clinical|active",)),
    ("verification-status", "not", tuple(
        f"{_TERMINOLOGY}allergyintolerance-verification|{code}"
        for code in ("refuted", "entered-in-error")
    )),
)  # fmt: skip
_FUNCTIONAL: dict[str, dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]]] = {
    "$current-problems": {
        "Condition": (
            ("clinical-status", "", tuple(
                f"{_TERMINOLOGY}condition-clinical|{code}"
                for code in ("active", "recurrence", "relapse")
            )),
            ("verification-status", "not", tuple(
                f"{_TERMINOLOGY}condition-ver-status|{code}"
                for code in ("refuted", "entered-in-error")
            )),
        ),
    },
    "$current-medications": {
        "MedicationStatement": (("status", "", ("active",)),),
        "MedicationRequest": (
            ("status", "", ("active",)),
            ("intent", "not", ("proposal", "plan", "option")),
        ),
    },
    "$current-allergies": {"AllergyIntolerance": _ALLERGY},
    "$current-drug-allergies": {
        "AllergyIntolerance": (*_ALLERGY, ("category", "", ("medication",))),
    },
}  # fmt: skip


def listed(type_: str, ids: list[str]) -> Condition | None:
    """Return "one of these lists has it"; None where nothing is named. Raises UnsearchableQuery.

    `ids` are those of List resources, with or without `List/`, or names of functional lists.
    """
    found: list[Condition] = [_current(type_, id_) for id_ in ids if id_.startswith("$")]
    stored = tuple(id_.removeprefix("List/") for id_ in ids if id_ and not id_.startswith("$"))
    if stored:
        item, by_id = plan_of("List").parameters["item"], plan_of("List").parameters["_id"]
        found.append(Has(type_, "List", item, Leaf("List", by_id, "", stored)))
    if not found:
        return None
    return found[0] if len(found) == 1 else Either(type_, tuple(found))


def _current(type_: str, name: str) -> Condition:
    if name not in _FUNCTIONAL:
        known = ", ".join(_FUNCTIONAL)
        raise UnsearchableQuery(reason=f"_list: the functional lists are {known}")
    tests = _FUNCTIONAL[name].get(type_)
    if tests is None:
        return Either(type_, ())
    parameters = plan_of(type_).parameters
    return Every(
        type_,
        tuple(Leaf(type_, parameters[code], modifier, codes) for code, modifier, codes in tests),
    )
