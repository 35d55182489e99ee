"""The SQL of notices."""

from typing import LiteralString

INSERT: LiteralString = """
    INSERT INTO notices.notice (notice_id, holder, kind, sentence, filling, link, at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
HAS_ADDRESS: LiteralString = "SELECT EXISTS (SELECT FROM notices.address WHERE holder = $1)"
LIST: LiteralString = """
    SELECT notice_id, kind, sentence, filling, link, at, read_at
      FROM notices.notice
     WHERE holder = ANY($1::text[]) AND ($2::bigint IS NULL OR notice_id < $2)
     ORDER BY notice_id DESC
     LIMIT $3
"""
UNREAD: LiteralString = """
    SELECT count(*) FROM notices.notice WHERE holder = ANY($1::text[]) AND read_at IS NULL
"""
READ: LiteralString = """
    UPDATE notices.notice SET read_at = $3
     WHERE holder = ANY($1::text[]) AND notice_id <= $2 AND read_at IS NULL
"""
SET_ADDRESS: LiteralString = """
    INSERT INTO notices.address (holder, email, language, set_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (holder) DO UPDATE SET email = excluded.email, language = excluded.language,
                                       set_at = excluded.set_at
"""
REMOVE_ADDRESS: LiteralString = "DELETE FROM notices.address WHERE holder = $1"
ADDRESS: LiteralString = "SELECT email FROM notices.address WHERE holder = $1"
WAITING: LiteralString = """
    SELECT notice_id, email, language
      FROM notices.notice
      JOIN notices.address USING (holder)
     WHERE notice_id = $1 AND read_at IS NULL AND mailed_at IS NULL
       FOR UPDATE OF notice
"""
MAILED: LiteralString = "UPDATE notices.notice SET mailed_at = now() WHERE notice_id = $1"
