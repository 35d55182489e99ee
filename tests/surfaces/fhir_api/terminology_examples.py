"""Code systems, value sets and maps that the tests of terminology operations write."""

import json
from typing import Any

URL = "http://example.org/terms/"

# A small zoo: cat and dog under pet, pet and cow under animal; dog also under guard.
ZOO: dict[str, Any] = {
    "resourceType": "CodeSystem",
    "id": "terms-zoo",
    "url": URL + "zoo",
    "version": "1.0",
    "name": "Zoo",
    "title": "Zoo of the tests",
    "status": "active",
    "caseSensitive": True,
    "hierarchyMeaning": "is-a",
    "content": "complete",
    "valueSet": URL + "zoo-all",
    "property": [
        {"code": "legs", "type": "integer"},
        {"code": "sound", "type": "string"},
        {"code": "parent", "type": "code", "uri": "http://hl7.org/fhir/concept-properties#parent"},
        {"code": "friend", "type": "Coding"},
    ],
    "concept": [
        {
            "code": "animal",
            "display": "Animal",
            "property": [{"code": "notSelectable", "valueBoolean": True}],
            "concept": [
                {
                    "code": "pet",
                    "display": "Pet",
                    "concept": [
                        {
                            "code": "cat",
                            "display": "Cat",
                            "definition": "A small carnivore.",
                            "designation": [
                                {"language": "vi", "value": "Con mèo"},
                                {
                                    "language": "fr",
                                    "use": {"system": URL + "use", "code": "pet-name"},
                                    "value": "Minou",
                                },
                            ],
                            "property": [
                                {"code": "legs", "valueInteger": 4},
                                {"code": "sound", "valueString": "meo"},
                                {
                                    "code": "friend",
                                    "valueCoding": {"system": URL + "zoo", "code": "dog"},
                                },
                            ],
                        },
                        {
                            "code": "dog",
                            "display": "Dog",
                            "designation": [{"language": "vi", "value": "Con chó"}],
                            "property": [
                                {"code": "legs", "valueInteger": 4},
                                {"code": "parent", "valueCode": "guard"},
                            ],
                        },
                    ],
                },
                {
                    "code": "cow",
                    "display": "Cow",
                    "property": [{"code": "legs", "valueInteger": 4}],
                },
                {
                    "code": "dodo",
                    "display": "Dodo",
                    "property": [
                        {"code": "inactive", "valueBoolean": True},
                        {"code": "legs", "valueInteger": 2},
                    ],
                },
            ],
        },
        {"code": "guard", "display": "Guard"},
    ],
}


def value_set(name: str, *include: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a ValueSet over these parts; `exclude` and others go into compose."""
    return {
        "resourceType": "ValueSet",
        "id": f"terms-{name}",
        "url": URL + name,
        "status": "active",
        "compose": {"include": list(include), **more},
    }


def zoo(**part: Any) -> dict[str, Any]:
    """Return a part of a value set over the zoo."""
    return {"system": URL + "zoo", **part}


def rule(property_: str, op: str, value: str) -> dict[str, str]:
    """Return a filter."""
    return {"property": property_, "op": op, "value": value}


async def put(client: Any, resource: dict[str, Any]) -> Any:
    """Write a resource; the answer's status must be a success."""
    answer = await client.put(
        f"/{resource['resourceType']}/{resource['id']}", content=json.dumps(resource)
    )
    assert answer.status_code in (200, 201), answer.text
    return answer


def parameters(**values: Any) -> str:
    """Return a Parameters resource: name=("Code", value), or a resource by name=dict."""
    found: list[dict[str, Any]] = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            name = name.replace("_", "-")
            if isinstance(one, dict):
                found.append({"name": name, "resource": one})
            else:
                found.append({"name": name, f"value{one[0]}": one[1]})
    return json.dumps({"resourceType": "Parameters", "parameter": found})


def said(answer: Any) -> dict[str, Any]:
    """Return output parameters by name; several of one name as a list, parts as dictionaries."""
    assert answer.status_code == 200, answer.text
    return _by_name(answer.json().get("parameter", []))


def _by_name(items: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        if "part" in item:
            value: Any = _by_name(item["part"])
        else:
            value = next((v for k, v in item.items() if k.startswith("value")), None)
        found.setdefault(item["name"], []).append(value)
    return {
        k: v[0] if len(v) == 1 and k not in ("property", "designation", "match") else v
        for k, v in found.items()
    }


def codes(answer: Any) -> list[str]:
    """Return the codes of a flat expansion in order."""
    assert answer.status_code == 200, answer.text
    return [one["code"] for one in answer.json()["expansion"].get("contains", [])]


def issue(answer: Any) -> tuple[int, str]:
    """Return status and issue type of a refusal."""
    body = answer.json()
    assert body["resourceType"] == "OperationOutcome", answer.text
    return answer.status_code, body["issue"][0]["code"]
