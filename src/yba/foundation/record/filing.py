"""From the values of a resource to the keys, ranges and texts that it is found by. Pure, and hot.

Main rule: whatever is written here is found by `query`, so both read `plans` and `keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from yba.fhir.index import Index
from yba.foundation.record.keys import (
    bare_key,
    exact_key,
    later_part,
    logical_key,
    logical_system_key,
    logical_value_key,
    of_type_key,
    ordered,
    paired_key,
    quantity_key,
    reference_scope,
    row_id,
    system_key,
    value_key,
)
from yba.foundation.record.plans import TypePlan
from yba.kernel.text import fold

if TYPE_CHECKING:
    from yba.foundation.record.rows import Row

# Flag of a row with several clinical times.
SEVERAL_TIMES = 2
_REMEMBERED = 100_000
PIECE = 400
OVERLAP = 100
# The clinical time of a resource without one: before every real time, so that order needs no NULLs.
MISSING_TIME = -(1 << 63) + 1
# Places are kept to a thousand-millionth of a degree, a tenth of a millimetre.
DEGREE = 1_000_000_000


class Filing:
    """Files one Index into one Row."""

    __slots__ = ("keys", "known", "plan", "rid", "row")

    def __init__(self, plan: TypePlan, row: Row, known: set[int] | None) -> None:
        self.plan = plan
        self.row = row
        self.rid = row.rid
        self.known: set[int] = set() if known is None else known
        self.keys: set[int] = set()
        row.ranges, row.strings, row.terms = [], [], []
        row.code, row.codes, row.labels = None, [], []
        row.patient = row.patient_id = None
        row.ts = row.te = MISSING_TIME

    def file(self, index: Index) -> None:
        """File every value of the index."""
        present = self._tokens(index) | self._references(index)
        if index.dates:
            present |= self._dates(index)
        if index.strings:
            present |= self._strings(index)
        if index.uris or index.urls:
            present |= self._uris(index)
        if index.quantities:
            present |= self._quantities(index)
        if index.numbers:
            present |= self._numbers(index)
        if index.composites:
            present |= self._composites(index)
        if index.positions:
            present |= self._positions(index)
        if index.labels:
            self._labels(index)
        if self.row.type == "Patient":
            self.row.patient, self.row.patient_id = self.rid, self.row.id
        self.row.present = present
        self.row.keys = list(self.keys)
        self._codes(index)

    def _term(self, key: int, scope: int, *texts: str | None) -> None:
        if key not in self.known:
            # New here; the table may have it already.
            system, code, second_system, second_code, unit = (
                *(text or "" for text in texts), "", "", "", "",
            )[:5]  # fmt: skip
            self.row.terms.append((key, scope, system, code, second_system, second_code, unit))

    def _tokens(self, index: Index) -> int:
        plan, keys = self.plan, self.keys
        scopes, bits, known = plan.scopes, plan.bits, plan.token_keys
        present = 0
        for token in index.tokens:
            element = token[0]
            present |= bits[element]
            key = known.get(token)
            if key is None:
                self._new_token(*token)
            else:
                keys.add(key)
        for element, system, code, value in index.identifiers:
            keys.add(of_type_key(scopes[element], system, code, value))
        return present

    def _codes(self, index: Index) -> None:
        """File the principal code by its time: the first coding in the row, others beside it."""
        plan, row = self.plan, self.row
        principal = plan.code_element
        if principal is None:
            return
        scope = plan.scopes[principal]
        keys = [
            plan.token_keys.get(token) or value_key(scope, token[1] or "", token[2])
            for token in index.tokens
            if token[0] == principal
        ]
        if keys:
            row.code = keys[0]
            if len(keys) > 1:
                others = dict.fromkeys(keys[1:])
                others.pop(row.code, None)
                row.codes = [(key, row.ts, self.rid, plan.number) for key in others]

    def _new_token(self, element: int, system: str | None, code: str) -> None:
        plan, keys = self.plan, self.keys
        scope = plan.scopes[element]
        key = value_key(scope, system or "", code)
        keys.add(key)
        if element in plan.identifier_elements:
            keys.add(bare_key(scope, code))
            if system is not None:
                keys.add(system_key(scope, system))
        elif key in self.known:
            if len(plan.token_keys) > _REMEMBERED:
                plan.token_keys.clear()
            plan.token_keys[element, system, code] = key
        else:
            self._term(key, scope, system, code)

    def _labels(self, index: Index) -> None:
        """File what people read of codes: beside the code's key, or as a text without a code."""
        known, labels = self.plan.label_keys, self.row.labels
        for label in index.labels:
            key = known.get(label)
            if key is not None:
                labels.append(key)
            elif label[3] is None:
                self._text(self.plan.label_scopes[label[0]], fold(label[1]))
            else:
                labels.append(self._new_label(label[0], label[1], label[2], label[3]))
        if len(known) > _REMEMBERED:
            known.clear()

    def _new_label(self, element: int, text: str, system: str | None, code: str) -> int:
        plan = self.plan
        scope, folded = plan.label_scopes[element], fold(text)[:PIECE]
        key = value_key(scope, folded, system or "", code)
        if key in self.known:
            plan.label_keys[element, text, system, code] = key
        else:
            coded = value_key(plan.scopes[element], system or "", code)
            self._term(key, scope, system, folded, None, code, str(coded))
        return key

    def _references(self, index: Index) -> int:
        plan, keys, bits = self.plan, self.keys, self.plan.bits
        known, patient_element, present = plan.reference_keys, plan.patient_element, 0
        for reference in index.references:
            element, target, id_ = reference
            found = known.get(reference)
            if found is None:
                found = (
                    row_id(target, id_) ^ reference_scope(plan.name, element, target),
                    bits[element] | plan.narrowed.get((element, target), 0),
                )
                if len(known) > _REMEMBERED:
                    known.clear()
                known[reference] = found
            present |= found[1]
            if element == patient_element and target == "Patient":
                self.row.patient, self.row.patient_id = row_id(target, id_), id_
            else:
                keys.add(found[0])
        for element, system, value in index.logical:
            present |= bits[element]
            scope = plan.scopes[element]
            keys.add(logical_key(scope, system, value))
            keys.add(logical_value_key(scope, value))
            if system:
                keys.add(logical_system_key(scope, system))
        return present

    def _dates(self, index: Index) -> int:
        plan, row, present = self.plan, self.row, 0
        times: list[tuple[int, int, int]] = []
        for date in index.dates:
            element, low, high = date
            present |= plan.bits[element]
            if element in plan.time_elements:
                times.append(date)
            else:
                row.ranges.append((plan.scopes[element], low, high, self.rid, plan.number))
        if times:
            row.ts = min(low for _, low, _ in times)
            row.te = max(high for _, _, high in times)
            if len(times) > 1:
                row.flags |= SEVERAL_TIMES
                row.ranges.extend(
                    (plan.scopes[element], low, high, self.rid, plan.number)
                    for element, low, high in times
                )
        return present

    def _strings(self, index: Index) -> int:
        plan, present = self.plan, 0
        for element, text in index.strings:
            present |= plan.bits[element]
            scope = plan.scopes[element]
            self.keys.add(exact_key(scope, text))
            self._text(scope, fold(text))
        return present

    def _text(self, scope: int, folded: str) -> None:
        self.row.strings.append((scope, self.rid, self.plan.number, folded[:PIECE]))
        start = PIECE - OVERLAP
        while start + OVERLAP < len(folded):
            piece = folded[start : start + PIECE]
            self.row.strings.append((later_part(scope), self.rid, self.plan.number, piece))
            start += PIECE - OVERLAP

    def _uris(self, index: Index) -> int:
        plan, present = self.plan, 0
        for element, uri in index.urls:
            present |= plan.bits[element]
            self.keys.add(exact_key(plan.scopes[element], uri))
        for entry in index.uris:
            present |= plan.bits[entry[0]]
            key = plan.uri_keys.get(entry)
            self.keys.add(self._new_uri(*entry) if key is None else key)
        return present

    def _new_uri(self, element: int, uri: str) -> int:
        plan = self.plan
        key = exact_key(plan.scopes[element], uri)
        if key not in self.known:
            self._term(key, plan.scopes[element], None, uri)
        else:
            if len(plan.uri_keys) > _REMEMBERED:
                plan.uri_keys.clear()
            plan.uri_keys[element, uri] = key
        return key

    def _quantities(self, index: Index) -> int:
        plan, present = self.plan, 0
        for element, low, high, system, code, unit in index.quantities:
            present |= plan.bits[element]
            scope = plan.scopes[element]
            first = ordered(low)
            last = first if high is low else ordered(high)
            beside = self._principal_codes(index) if element in plan.paired else ()
            for of_system, of_code in beside or ((None, None),):
                if of_code is None:
                    key = quantity_key(scope, system, code, unit)
                else:
                    key = paired_key(scope, of_system, of_code, system, code, unit)
                if key not in self.known:
                    self._term(key, scope, of_system, of_code, system, code, unit)
                self.row.ranges.append((key, first, last, self.rid, plan.number))
        return present

    def _principal_codes(self, index: Index) -> Sequence[tuple[str | None, str]]:
        principal = self.plan.code_element
        return list(
            dict.fromkeys(
                (system or "", code)
                for element, system, code in index.tokens
                if element == principal
            )
        )

    def _numbers(self, index: Index) -> int:
        plan, present = self.plan, 0
        for element, low, high in index.numbers:
            present |= plan.bits[element]
            self.row.ranges.append(
                (plan.scopes[element], ordered(low), ordered(high), self.rid, plan.number)
            )
        return present

    def _positions(self, index: Index) -> int:
        plan, present = self.plan, 0
        for element, latitude, longitude in index.positions:
            present |= plan.bits[element]
            place = (int(latitude * DEGREE), int(longitude * DEGREE))
            self.row.ranges.append((plan.scopes[element], *place, self.rid, plan.number))
        return present

    def _composites(self, index: Index) -> int:
        plan, present = self.plan, 0
        for element, parts in index.composites:
            present |= plan.bits[element]
            if element not in plan.rewritten:
                self._composite(plan.scopes[element], parts)
        return present

    def _composite(self, scope: int, parts: Sequence[tuple[Any, ...]]) -> None:
        """File a code with what belongs to it: a code, a reference, a range, or two numbers."""
        first, second = parts[0], parts[1]
        system, code = first[0] or "", first[1]
        if len(second) == 5:
            low, high, *unit = second
            key = value_key(scope, system, code, *(text or "" for text in unit))
            self._term(key, scope, system, code, *unit)
            low, high = ordered(low), ordered(high)
        elif isinstance(second[0], int):
            key = value_key(scope, system, code)
            self._term(key, scope, system, code)
            low, high = second
        elif isinstance(second[0], Decimal):
            # A stretch of a sequence: where it starts and where it ends are compared each.
            key = value_key(scope, system, code)
            self._term(key, scope, system, code)
            low, high = ordered(second[0]), ordered(parts[-1][0])
        else:
            key = value_key(scope, system, code, second[0] or "", second[1])
            self._term(key, scope, system, code, second[0], second[1])
            self.keys.add(key)
            return
        self.row.ranges.append((key, low, high, self.rid, self.plan.number))
