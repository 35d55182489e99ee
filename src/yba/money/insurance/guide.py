"""Prints docs/standards/claims.md from the data the program itself uses."""

import sys
from collections.abc import Iterator
from datetime import date
from importlib.resources import files

from yba.money.insurance.findings import Rule, rules
from yba.money.insurance.tables import TABLES, Field, data_lines, history, tables

_AREAS = {
    "S": "Structure",
    "F": "Forms of values",
    "A": "Cards and categories",
    "D": "Days and minutes",
    "M": "Money of a row",
    "T": "Totals",
    "R": "Drugs",
    "V": "Services and supplies",
    "E": "Examinations",
    "B": "Beds",
    "N": "Staff",
    "X": "Diagnoses",
    "L": "Results and notes",
    "P": "Papers",
    "H": "HIV and tuberculosis",
    "O": "Across episodes",
    "K": "Check-in and sending",
}


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _day(day: date, open_end: date) -> str:
    return "" if day == open_end else day.isoformat()


def _changes() -> Iterator[str]:
    yield "## Fields that an act changed"
    yield ""
    yield "| Table | Field | Act | From | To | Kind | Length |"
    yield "|---|---|---|---|---|---|---|"
    for name in TABLES:
        dated: dict[str, list[Field]] = {}
        for field in history(name):
            dated.setdefault(field.name, []).append(field)
        for rows in dated.values():
            if len(rows) > 1 or rows[0].until != date.max:
                for field in rows:
                    length = "" if field.max_length is None else str(field.max_length)
                    since, until = _day(field.since, date.min), _day(field.until, date.max)
                    yield (
                        f"| {name} | `{field.name}` | {field.act} | {since} | {until} "
                        f"| {field.kind} | {length or 'any'} |"
                    )
    yield ""


def _sizes() -> Iterator[str]:
    yield "## Tables"
    yield ""
    yield "| Table | Title | Fields today | Root element |"
    yield "|---|---|---|---|"
    for name in TABLES:
        table = tables()[name]
        count = sum(1 for field in history(name) if field.until == date.max)
        root = f"`{table.root}`" if table.root else "never sent"
        yield f"| {name} | {table.title_en} ({table.title_vi}) | {count} | {root} |"
    yield ""


def _cases() -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for line in data_lines("rule-cases.tsv"):
        found.setdefault(line["rule"], []).append(line)
    return found


def _rule(rule: Rule, cases: list[dict[str, str]]) -> str:
    shown = [
        f"{case['base']}: `{_cell(case['change'] or 'as it is')}` → {case['expected']}"
        for case in cases
    ]
    return (
        f"| {rule.id} | {rule.severity} | {_cell(rule.sentence)} | {_cell(rule.source)} "
        f"| {'<br>'.join(shown)} |"
    )


def _decided() -> Iterator[str]:
    decided = [rule for rule in rules().values() if rule.is_decided]
    cases = _cases()
    yield f"## Rules that are checked ({len(decided)} of {len(rules())})"
    yield ""
    yield "Each case changes one thing in a faultless file. found: the rule is broken; clean: it is kept."
    for letter, title in _AREAS.items():
        area = [rule for rule in decided if rule.id[3] == letter]
        if area:
            yield ""
            yield f"### {title}"
            yield ""
            yield "| Rule | Severity | What must hold | Source | Given → expected |"
            yield "|---|---|---|---|---|"
            yield from (_rule(rule, cases.get(rule.id, [])) for rule in area)
    yield ""


def _undecided() -> Iterator[str]:
    left = [rule for rule in rules().values() if not rule.is_decided]
    yield f"## Rules that one file cannot decide ({len(left)})"
    yield ""
    yield "| Rule | What must hold | What is needed to decide it |"
    yield "|---|---|---|"
    for rule in left:
        yield f"| {rule.id} | {_cell(rule.sentence)} | {_cell(rule.needs)} |"


def page() -> str:
    """Return the whole page."""
    head = files("yba.money.insurance").joinpath("data", "reading.md").read_text("utf-8")
    lines = [*_sizes(), *_changes(), *_decided(), *_undecided()]
    return f"{head.strip()}\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
