"""Value sets against a naive reading of their definitions, on random systems and definitions."""

import random
import re
from typing import Any

import pytest

from yba.foundation.terminology import service, taking_up
from yba.foundation.terminology.errors import NotExpandable

URL = "http://example.org/properties"
COLOURS = ("red", "green", "blue")


class Naive:
    """A code system as a plain dictionary: code to (parents, colour or None)."""

    def __init__(self, dice: random.Random) -> None:
        self.parents: dict[str, list[str]] = {}
        self.colour: dict[str, str | None] = {}
        for n in range(dice.randint(1, 12)):
            before = list(self.parents)
            self.parents[f"c{n}"] = dice.sample(before, min(len(before), dice.randint(0, 2)))
            self.colour[f"c{n}"] = dice.choice([None, *COLOURS])

    def above(self, code: str) -> set[str]:
        direct = set(self.parents.get(code, ()))
        return direct.union(*(self.above(parent) for parent in direct))

    def below(self, code: str) -> set[str]:
        return {other for other in self.parents if code in self.above(other)}

    def kept(self, rule: dict[str, str]) -> set[str]:
        every, value = set(self.parents), rule["value"]
        match rule["property"], rule["op"]:
            case "concept", "is-a":
                return (self.below(value) | {value}) & every
            case "concept", "descendent-of":
                return self.below(value)
            case "concept", "is-not-a":
                return every - self.below(value) - {value}
            case "concept", "generalizes":
                return (self.above(value) | {value}) & every
            case "code", "in":
                return every & set(value.split(","))
            case "code", "not-in":
                return every - set(value.split(","))
            case "code", "regex":
                return {code for code in every if re.fullmatch(value, code)}
            case "colour", "=":
                return {code for code in every if self.colour[code] == value}
            case "colour", "exists":
                return {c for c in every if (self.colour[c] is not None) is (value == "true")}
            case "parent", "=":
                return {code for code in every if value in self.parents[code]}
            case _:
                raise AssertionError(rule)

    def part(self, part: dict[str, Any], sets: dict[str, dict[str, Any]]) -> set[str]:
        found = set(self.parents)
        if "concept" in part:
            found &= {one["code"] for one in part["concept"]}
        for rule in part.get("filter", []):
            found &= self.kept(rule)
        for url in part.get("valueSet", []):
            found &= self.members(sets[url], sets)
        return found

    def members(self, compose: dict[str, Any], sets: dict[str, dict[str, Any]]) -> set[str]:
        found: set[str] = set()
        for part in compose["include"]:
            found |= self.part(part, sets)
        for part in compose.get("exclude", []):
            found -= self.part(part, sets)
        return found

    def resource(self) -> dict[str, Any]:
        def properties(code: str) -> list[dict[str, str]]:
            found = [{"code": "parent", "valueCode": p} for p in self.parents[code]]
            colour = self.colour[code]
            return [*found, {"code": "colour", "valueCode": colour}] if colour else found

        return {
            "resourceType": "CodeSystem",
            "url": URL,
            "status": "active",
            "content": "complete",
            "property": [{"code": "colour", "type": "code"}],
            "concept": [{"code": code, "property": properties(code)} for code in self.parents],
        }


def random_rule(dice: random.Random, system: Naive) -> dict[str, str]:
    codes = [*system.parents, "nobody"]
    some = ",".join(dice.sample(codes, dice.randint(1, len(codes))))
    name, op, value = dice.choice(
        [
            *(("concept", op, dice.choice(codes)) for op in ("is-a", "descendent-of")),
            *(("concept", op, dice.choice(codes)) for op in ("is-not-a", "generalizes")),
            *(("code", op, some) for op in ("in", "not-in")),
            ("code", "regex", dice.choice(["c[0-4]", "c.*", "c1.?", "(c2|c3)", "x"])),
            ("colour", "=", dice.choice(COLOURS)),
            ("colour", "exists", dice.choice(["true", "false"])),
            ("parent", "=", dice.choice(codes)),
        ]
    )
    return {"property": name, "op": op, "value": value}


def random_part(dice: random.Random, system: Naive, earlier: list[str]) -> dict[str, Any]:
    part: dict[str, Any] = {"system": URL}
    kind = dice.randint(0, 3)
    if kind == 0:
        codes = [*system.parents, "nobody"]
        part["concept"] = [{"code": c} for c in dice.sample(codes, dice.randint(1, len(codes)))]
    elif kind > 1:
        part["filter"] = [random_rule(dice, system) for _ in range(dice.randint(1, 2))]
    if earlier and dice.random() < 0.4:
        part["valueSet"] = dice.sample(earlier, dice.randint(1, min(2, len(earlier))))
    return part


@pytest.mark.parametrize("seed", range(40))
async def test_a_value_set_is_what_its_definition_says(tx, seed):
    dice = random.Random(seed)
    system = Naive(dice)
    sets: dict[str, dict[str, Any]] = {}
    for n in range(4):
        earlier = list(sets)
        compose: dict[str, Any] = {
            "include": [random_part(dice, system, earlier) for _ in range(dice.randint(1, 3))]
        }
        if dice.random() < 0.5:
            compose["exclude"] = [random_part(dice, system, earlier)]
        sets[f"{URL}/{n}"] = compose
    value_sets = [
        {"resourceType": "ValueSet", "url": url, "status": "active", "compose": compose}
        for url, compose in sets.items()
    ]
    await taking_up.take_json(
        tx, resources=[system.resource(), *value_sets], origin=taking_up.LOADED
    )

    for url, compose in sets.items():
        expected = system.members(compose, sets)
        found = await service.codes_of(tx, value_set=url)
        assert {code for _, code in found.codes} == expected, (url, compose)
        for code in [*system.parents, "nobody"]:
            member = await service.is_member(tx, value_set=url, system=URL, code=code)
            assert member is (code in expected)


async def test_a_definition_that_looks_at_too_much_is_refused(tx):
    system = "http://dicom.nema.org/resources/ontology/DCM"
    many = [
        {"system": system, "filter": [{"property": "code", "op": "regex", "value": str(n)}]}
        for n in range(100)
    ]
    costly = {
        "resourceType": "ValueSet",
        "url": URL + "/costly",
        "status": "active",
        "compose": {"include": many},
    }
    await taking_up.take_json(tx, resources=[costly], origin=taking_up.LOADED)

    with pytest.raises(NotExpandable):
        await service.codes_of(tx, value_set=URL + "/costly")
