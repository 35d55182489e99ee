"""The SQL of the reports, over published views only."""

from typing import LiteralString

LOOKS: LiteralString = """
    SELECT at, account_id, actor_name, actor_roles, purpose, action, what, patient_id
      FROM audit.event_v1
     WHERE at >= $1 AND at < $2 AND NOT actor_roles && '{citizen,system}'
     ORDER BY at, id
     LIMIT $3
"""

# Distinct patients of each person on each day before, by role.
HISTORY: LiteralString = """
    SELECT role, array_agg(patients) AS counts
      FROM (SELECT account_id, (at AT TIME ZONE 'Asia/Ho_Chi_Minh')::date AS day,
                   unnest(actor_roles) AS role, count(DISTINCT patient_id)::int AS patients
              FROM audit.event_v1
             WHERE at >= $1 AND at < $2 AND patient_id IS NOT NULL
               AND NOT actor_roles && '{citizen,system}'
             GROUP BY 1, 2, 3) AS days
     GROUP BY role
"""

OWN: LiteralString = """
    SELECT account_id, patient_id FROM accounts.account_v1
     WHERE account_id = ANY ($1::text[]) AND patient_id IS NOT NULL
"""

PERSONS: LiteralString = """
    SELECT patient_id, name, address FROM parties.person_v1 WHERE patient_id = ANY ($1::text[])
"""

RELATIONS: LiteralString = """
    SELECT patient, holder, since, least(until, 'infinity') AS until FROM access.relation_v1
     WHERE patient = ANY ($1::bigint[]) AND holder IS NOT NULL
"""
