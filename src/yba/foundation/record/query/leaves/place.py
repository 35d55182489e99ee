"""Places: what lies within a distance.

Standard: FHIR R4 Location, search parameter `near`: latitude|longitude|distance|units.
"""

from __future__ import annotations

import math
from decimal import Decimal, InvalidOperation

from yba.fhir import ucum
from yba.foundation.record.errors import UnsearchableQuery
from yba.foundation.record.filing import DEGREE
from yba.foundation.record.plans import plan_of
from yba.foundation.record.query.leaves.asking import Asking, any_of, parts_of
from yba.foundation.record.query.tree import Leaf

# What counts as near where no distance is given.
_DISTANCE_KM = Decimal(10)
_EARTH_RADIUS_KM = 6371.0088
_HALF_ROUND_KM = math.pi * _EARTH_RADIUS_KM


def sql(asking: Asking, leaf: Leaf, row: str) -> str:
    """Return "it lies within the distance of one of these points", along a great circle."""
    return any_of(_value(asking, leaf, value, row) for value in leaf.values)


def _value(asking: Asking, leaf: Leaf, value: str, row: str) -> str:
    latitude, longitude, distance = _read(value)
    scopes = [plan_of(leaf.type).scopes[element] for element in leaf.parameter.elements]
    add = asking.arguments.add
    tests = [f"x.lo BETWEEN {add(low, 'bigint')} AND {add(high, 'bigint')}"
             for low, high in [_latitudes(latitude, distance)]]  # fmt: skip
    tests += _longitudes(asking, latitude, longitude, distance)
    # The haversine formula, on a sphere of the mean radius of the earth.
    own_latitude, own_longitude = f"radians(x.lo / {DEGREE}.0)", f"radians(x.hi / {DEGREE}.0)"
    a, b = add(math.radians(latitude), "float8"), add(math.radians(longitude), "float8")
    tests.append(
        f"2 * {_EARTH_RADIUS_KM} * asin(least(1, sqrt(power(sin(({own_latitude} - {a}) / 2), 2)"
        f" + cos({a}) * cos({own_latitude}) * power(sin(({own_longitude} - {b}) / 2), 2))))"
        f" <= {add(distance, 'float8')}"
    )
    return asking.in_table("range", scopes, " AND ".join(tests), row)


def _read(value: str) -> tuple[float, float, float]:
    """Return latitude, longitude and the distance in kilometres."""
    parts = parts_of(value)
    if not 2 <= len(parts) <= 4:
        raise _unreadable()
    try:
        latitude, longitude = Decimal(parts[0]), Decimal(parts[1])
        distance = Decimal(parts[2]) if len(parts) > 2 and parts[2] else _DISTANCE_KM
        if len(parts) == 4 and parts[3] and parts[2]:
            distance = ucum.convert(distance, parts[3], "km")
    except (InvalidOperation, ValueError):
        raise _unreadable() from None
    if not all(number.is_finite() for number in (latitude, longitude, distance)):
        raise _unreadable()
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and 0 <= distance < 1_000_000):
        raise _unreadable()
    return float(latitude), float(longitude), float(distance)


def _unreadable() -> UnsearchableQuery:
    return UnsearchableQuery(
        reason="near must be latitude|longitude|distance|units, units in UCUM (km if left out)"
    )


def _latitudes(latitude: float, distance: float) -> tuple[int, int]:
    reach = math.degrees(distance / _EARTH_RADIUS_KM) + 1e-6
    return _whole(latitude - reach), _whole(latitude + reach)


def _longitudes(asking: Asking, latitude: float, longitude: float, distance: float) -> list[str]:
    """Return the test of the box around the circle; none where it reaches a pole."""
    angle = distance / _EARTH_RADIUS_KM
    if distance >= _HALF_ROUND_KM or abs(math.radians(latitude)) + angle >= math.pi / 2:
        return []
    reach = math.degrees(math.asin(math.sin(angle) / math.cos(math.radians(latitude)))) + 1e-6
    add = asking.arguments.add
    boxes = [
        f"x.hi BETWEEN {add(_whole(low), 'bigint')} AND {add(_whole(high), 'bigint')}"
        for turn in (-360, 0, 360)
        for low, high in [(longitude + turn - reach, longitude + turn + reach)]
        if high >= -180 and low <= 180
    ]
    return [any_of(boxes)]


def _whole(degrees: float) -> int:
    return int(degrees * DEGREE)
