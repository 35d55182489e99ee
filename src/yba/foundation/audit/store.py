"""The SQL of audit.event."""

from typing import LiteralString

# In the order of `rows.rows_of`.
COLUMNS = (
    "id",
    "at",
    "account_id",
    "actor_name",
    "actor_roles",
    "facility",
    "purpose",
    "action",
    "what",
    "patient_id",
    "resources",
    "client_id",
)

INSERT: LiteralString = """
    INSERT INTO audit.event (id, at, account_id, actor_name, actor_roles, facility, purpose,
                             action, what, patient_id, resources, client_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

INSERT_ONCE: LiteralString = INSERT + " ON CONFLICT (id) DO NOTHING"

WHO_LOOKED: LiteralString = """
    SELECT id, at, account_id, actor_name, actor_roles, facility, purpose, action, what,
           patient_id, resources
      FROM audit.event
     WHERE patient_id = $1 AND ($2::bigint IS NULL OR id < $2)
     ORDER BY id DESC
     LIMIT $3
"""
