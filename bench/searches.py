"""The search mix: string, date, reference, token, quantity, composite; pages of 20."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from urllib.parse import quote

from bench import client
from bench.client import Result
from bench.node import Node

_UCUM = "http://unitsofmeasure.org"


class Values:
    """Values that occur in the data."""

    def __init__(self, patients: list[str], families: list[str], codes: list[str]) -> None:
        self.patients, self.families, self.codes = patients, families, codes
        self.random = random.Random(7)

    def query(self) -> tuple[str, str]:
        """Return the kind and the path of one search."""
        pick = self.random
        patient = pick.choice(self.patients)
        code = quote(f"http://loinc.org|{pick.choice(self.codes)}", safe="")
        year = pick.randrange(2011, 2021)
        kind, path = pick.choice(
            (
                ("string", f"Patient?name={quote(pick.choice(self.families)[:4])}"),
                ("date", f"Observation?date=ge{year}-03-01&date=lt{year}-03-15"),
                ("reference", f"Encounter?patient={patient}&_sort=-date"),
                ("token", f"Observation?code={code}"),
                ("token+reference", f"Observation?patient={patient}&code={code}&_sort=-date"),
                (
                    "quantity",
                    f"Observation?patient={patient}&value-quantity=gt{pick.randrange(150)}",
                ),
                ("composite", f"Observation?code-value-quantity={code}$gt{pick.randrange(150)}"),
                ("include", f"Condition?patient={patient}&_include=Condition:encounter"),
                ("chain", f"Procedure?patient.birthdate={year - 30}"),
            )
        )
        return kind, f"/fhir/{path}&_count=20&_total=none"


def run(node: Node, values: Values, seconds: float, connections: int = 16) -> Result:
    """Search for some seconds over some connections."""

    def requests(_: int) -> Iterator[tuple[str, bytes]]:
        while True:
            kind, path = values.query()
            yield kind, client.request("GET", path)

    asyncio.run(client.load(node.port, connections, 1.0, requests))
    return asyncio.run(client.load(node.port, connections, seconds, requests))
