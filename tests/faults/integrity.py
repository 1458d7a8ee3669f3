"""Looks into the database itself: whether it is whole, and whether anything in it was made by halves."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg

HALVES = {
    "account without any session": """
        SELECT count(*) FROM accounts AS a WHERE NOT EXISTS
        (SELECT 1 FROM sessions AS s WHERE s.localpart = a.localpart)
    """,
    "account whose making was not recorded": """
        SELECT count(*) FROM accounts AS a WHERE NOT EXISTS
        (SELECT 1 FROM audit_events AS e WHERE e.localpart = a.localpart AND e.kind = 'registered')
    """,
    "living session without device": """
        SELECT count(*) FROM sessions AS s WHERE s.ended_at IS NULL AND NOT EXISTS
        (SELECT 1 FROM devices AS d WHERE d.localpart = s.localpart AND d.device_id = s.device_id)
    """,
    "device without living session": """
        SELECT count(*) FROM devices AS d WHERE NOT EXISTS (SELECT 1 FROM sessions AS s
        WHERE s.localpart = d.localpart AND s.device_id = d.device_id AND s.ended_at IS NULL)
    """,
    "device with two living sessions": """
        SELECT count(*) FROM (SELECT 1 AS one FROM sessions WHERE ended_at IS NULL
        GROUP BY localpart, device_id HAVING count(*) > 1) AS twice
    """,
    "offered pair of which a half is missing": """
        SELECT count(*) FROM sessions WHERE ended_at IS NULL AND (offered IS NULL OR nonce IS NULL
        OR offered_access_digest IS NULL OR offered_refresh_digest IS NULL)
        AND (offered IS NOT NULL OR nonce IS NOT NULL
        OR offered_access_digest IS NOT NULL OR offered_refresh_digest IS NOT NULL)
    """,
    "pair in use that is not younger than the one before": """
        SELECT count(*) FROM sessions WHERE former >= generation OR offered <= generation
        OR (generation > 0) <> (former IS NOT NULL) OR (former IS NULL) <> (former_since IS NULL)
    """,
    "living session that has another state than its account, or is of another kind": """
        SELECT count(*) FROM sessions AS s JOIN accounts AS a ON a.localpart = s.localpart
        WHERE s.ended_at IS NULL AND (s.state <> a.state OR s.kind <> a.kind)
    """,
    "living session of a deactivated account": """
        SELECT count(*) FROM sessions AS s JOIN accounts AS a ON a.localpart = s.localpart
        WHERE s.ended_at IS NULL AND a.state = 'deactivated'
    """,
}  # fmt: skip
"""What one transaction makes together: rows that would be without what was made with them."""


def amiss_in_sqlite(file: Path) -> list[str]:
    """What is wrong with a file, as sentences; it may be in use."""
    database = sqlite3.connect(file, timeout=30)
    try:
        amiss = [f"integrity_check: {row[0]}" for row in database.execute("PRAGMA integrity_check") if row[0] != "ok"]
        amiss += [f"foreign_key_check: {row}" for row in database.execute("PRAGMA foreign_key_check")]
        database.execute("BEGIN")  # all of them are of one moment
        counts = {what: database.execute(sql).fetchone()[0] for what, sql in HALVES.items()}
    finally:
        database.close()
    return amiss + [f"{what}: {count}" for what, count in counts.items() if count]


def amiss_in_postgres(url: str) -> list[str]:
    """The same, of a database of PostgreSQL."""
    return asyncio.run(_amiss_in_postgres(url))


async def _amiss_in_postgres(url: str) -> list[str]:
    connection: Any = await asyncpg.connect(url)
    try:
        amiss = await _broken_indexes(connection)
        async with connection.transaction(isolation="repeatable_read"):
            counts = {what: await connection.fetchval(sql) for what, sql in HALVES.items()}
    finally:
        await connection.close()
    return amiss + [f"{what}: {count}" for what, count in counts.items() if count]


async def _broken_indexes(connection: Any) -> list[str]:
    """Every index against its table, by PostgreSQL's own extension; nothing where that is not installed."""
    if not await connection.fetchval("SELECT count(*) FROM pg_available_extensions WHERE name = 'amcheck'"):
        return []
    await connection.execute("CREATE EXTENSION IF NOT EXISTS amcheck")
    indexes = await connection.fetch("""
        SELECT c.oid::regclass::text AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
        JOIN pg_am AS a ON a.oid = c.relam
        WHERE a.amname = 'btree' AND c.relnamespace = current_schema()::regnamespace
    """)
    amiss = []
    for index in indexes:
        try:
            await connection.execute("SELECT bt_index_check($1::regclass, true)", index["name"])
        except asyncpg.PostgresError as error:
            amiss.append(f"index {index['name']}: {error}")
    return amiss
