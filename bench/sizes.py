"""Bytes per resource, table by table and index by index."""

from __future__ import annotations

import asyncpg

_SIZES = """
    SELECT c.relname AS name, c.relkind = 'i' AS is_index,
           CASE WHEN c.relkind = 'i' THEN pg_relation_size(c.oid)
                ELSE pg_table_size(c.oid) END AS bytes
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'record' AND c.relkind IN ('r', 'i')
     ORDER BY bytes DESC
"""


async def sizes(dsn: str) -> dict[str, int]:
    """Return the bytes of every table and index of the record."""
    connection = await asyncpg.connect(dsn)
    rows = await connection.fetch(_SIZES)
    await connection.close()
    return {row["name"]: row["bytes"] for row in rows}


async def resources(dsn: str) -> int:
    """Return how many current resources there are."""
    connection = await asyncpg.connect(dsn)
    count: int = await connection.fetchval(
        "SELECT count(*) FROM record.resource WHERE flags & 1 = 0"
    )
    await connection.close()
    return count


async def vacuum(dsn: str) -> None:
    """Let the database clean up and learn, as it does by itself in quiet minutes."""
    connection = await asyncpg.connect(dsn, timeout=60)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
