"""Token buckets: how many at once, how many more each second, for many callers and bounded memory.

Main rule: the caller who was unused longest is forgotten first, so no flood of names grows memory.
"""

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

_MOST_CALLERS = 50_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket: so many at once, so many more each second."""

    burst: int
    per_second: float


class Buckets:
    """Token buckets of many callers; the longest unused are forgotten first. One process's own."""

    def __init__(self, most: int = _MOST_CALLERS) -> None:
        self._most = most
        self._levels: OrderedDict[tuple[str, str], tuple[float, float]] = OrderedDict()

    def take(self, rate: Rate, key: tuple[str, str], now: float) -> float:
        """Take one token; return 0, or the seconds until there is one."""
        level, at = self._levels.get(key, (float(rate.burst), now))
        level = min(float(rate.burst), level + max(now - at, 0.0) * rate.per_second)
        waits = 0.0 if level >= 1.0 else (1.0 - level) / rate.per_second
        self._levels[key] = (level if waits else level - 1.0, now)
        self._levels.move_to_end(key)
        if len(self._levels) > self._most:
            self._levels.popitem(last=False)
        return waits


def network_of(address: str) -> str:
    """Return what one customer of a network has: an IPv4 address, the first 64 bits of IPv6."""
    try:
        found = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((found, 64), strict=False))
    return str(found)
