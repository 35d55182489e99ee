"""Every search parameter of every type can be asked, sorted, followed and included."""

from __future__ import annotations

import pytest

from yba.foundation.record import reading
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.plans import TYPE_NAMES, plan_of
from yba.foundation.record.query.parse import is_answered, parse

VALUES = {
    "token": ["a", "s|a", "|a", "s|"],
    "string": ["a", "ă"],
    "date": ["2020", "ge2020-01-01", "ap2021-05"],
    "number": ["1", "gt2"],
    "quantity": ["1", "lt5||mg"],
    "uri": ["http://example.org/x"],
    "reference": ["1", "Patient/1", "http://example.org/Patient/1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("type_", TYPE_NAMES)
async def test_every_parameter_of_a_type_is_answered(tx, at, type_):
    queries: list[str] = []
    for code, parameter in plan_of(type_).parameters.items():
        if not is_answered(parameter) or parameter.kind == "special":
            continue
        queries += [f"{code}={value}" for value in VALUES.get(parameter.kind, [])]
        if parameter.elements and code not in ("_id", "_lastUpdated"):
            queries += [f"{code}:missing=true", f"_filter={code} pr true"]
        if parameter.kind == "reference":
            queries += [
                f"{code}._id=1",
                f"_include={type_}:{code}",
                f"_include:iterate={type_}:{code}",
            ]
        if parameter.elements:
            queries.append(f"_sort=-{code}")

    refused: list[str] = []
    for query in queries:
        try:
            page = await reading.find(tx, parse(type_, f"{query}&_count=2&_total=accurate"), now=at)
        except UnsearchableQuery as problem:
            refused.append(f"{query}: {problem.values['reason']}")
        else:
            assert page.total is not None

    explained = ("too many types", "no hierarchy")
    assert [one for one in refused if not any(reason in one for reason in explained)] == []
