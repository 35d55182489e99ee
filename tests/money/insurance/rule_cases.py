"""Reads `data/rule-cases.tsv`: what to change in a faultless file, and what then holds."""

import re
from dataclasses import dataclass, replace
from datetime import date

from tests.money.insurance import visits

from yba.foundation.terminology.model import Concept
from yba.money.insurance.checks import Options, check_check_in, check_claim
from yba.money.insurance.claim import CheckIn, Claim, Episode, Row
from yba.money.insurance.errors import UnreadableClaim
from yba.money.insurance.reference import Reference, shipped, with_diagnoses
from yba.money.insurance.tables import data_lines
from yba.money.insurance.xml import read_claim, write_claim

TODAY = date(2026, 9, 20)
_REPEAT = re.compile(r"\+(\w+)\[(\d+)\](?:\*(\d+))?\Z")
_SET = re.compile(r"(\w+?)(?:\[(\d+)\])?\.(\w+)=(.*)\Z", re.S)


@dataclass(frozen=True, slots=True)
class RuleCase:
    """One given and expected."""

    rule: str
    base: str
    change: str
    expected: str

    def __str__(self) -> str:
        return f"{self.rule} {self.base} {self.change} {self.expected}"


def rule_cases() -> list[RuleCase]:
    """Return all cases of the table."""
    return [RuleCase(**line) for line in data_lines("rule-cases.tsv")]


def _apply(tables: dict[str, tuple[Row, ...]], change: str) -> None:
    if change.startswith("-"):
        del tables[change[1:]]
    elif found := _REPEAT.match(change):
        rows = list(tables[found[1]])
        for _ in range(int(found[3] or 1)):
            values = {**rows[int(found[2]) - 1], "STT": str(len(rows) + 1)}
            rows.append(Row(found[1], len(rows) + 1, values))
        tables[found[1]] = tuple(rows)
    else:
        parts = _SET.match(change)
        assert parts is not None, change
        table, number = parts[1], int(parts[2] or 1)
        rows = list(tables[table])
        row = rows[number - 1]
        rows[number - 1] = Row(table, number, {**row, parts[3]: parts[4]})
        tables[table] = tuple(rows)


def changed(episode: Episode, change: str) -> Episode:
    """Return the episode after the change."""
    tables = dict(episode.tables)
    for part in filter(None, change.split(" && ")):
        _apply(tables, part)
    return Episode(tables)


def _diagnoses() -> Reference:
    """Return a reference with an ICD-10 list that is whole, if small."""
    names = {"A00": "Bệnh tả", "J02.9": "Viêm họng cấp, không xác định", "I10": "Tăng huyết áp"}
    concepts = [
        Concept("icd10", code, name, properties={"group": True} if code == "A00" else {})
        for code, name in names.items()
    ]
    return replace(shipped(), lists=with_diagnoses(shipped().lists, concepts))


def broken_rules(case: RuleCase) -> set[str]:
    """Return the ids of the rules that the changed file breaks; `refused` if it is not read."""
    options, reference = Options(), shipped()
    if case.base == "check-in":
        tables = {"CHECKIN": visits.check_in().rows}
        rows = changed(Episode(tables), case.change).rows("CHECKIN")
        return {f.rule for f in check_check_in(CheckIn(rows), date(2026, 9, 15))}
    if case.base == "file":
        old, _, new = case.change.partition(" => ")
        text = write_claim(visits.claim("outpatient")).decode()
        assert old in text
        try:
            read, found = read_claim(text.replace(old, new, 1).encode())
        except UnreadableClaim:
            return {"refused"}
        problems = [problem for one in found for problem in one.problems]
        return {f.rule for f in check_claim(read, problems=problems, today=TODAY)}
    if case.base == "payment":
        options = Options(for_payment=True)
    if case.base == "diagnoses":
        reference = _diagnoses()
    kind = case.base if case.base in {"inpatient", "everything"} else "outpatient"
    episode = changed(visits.episode(kind), case.change)
    episodes = (episode, episode) if case.base == "twice" else (episode,)
    claim = Claim(visits.FACILITY, "20260916", episodes, str(len(episodes)))
    return {f.rule for f in check_claim(claim, options=options, reference=reference, today=TODAY)}
