-- Accounts, devices, sessions, tokens, interactive authentications, audit.
-- Instants are milliseconds since the epoch, UTC. Tokens are here by their SHA-256 only.
-- SQLite keeps a table WITHOUT ROWID as the tree of its key: one to go through in place of two, and what belongs to one
-- account lies together.

CREATE TABLE accounts (
    localpart TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    password_hash TEXT,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE devices (
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    device_id TEXT NOT NULL,
    display_name TEXT,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    last_seen_ip TEXT,
    PRIMARY KEY (localpart, device_id)
) WITHOUT ROWID /* ROOM TO UPDATE */;

-- With its tokens, of which the two newest pairs can be told from each other, and all others by "root" from those of
-- other sessions. So a token that is replaced leaves no row behind, and refreshing writes one row, in its place.
-- "kind" and "state" are the account's, written with those, so that whoever looks a token up reads one row.
-- A session outlives its device, as long as a token of it may still come in and be told that it has ended.
CREATE TABLE sessions (
    session_id INTEGER NOT NULL PRIMARY KEY,
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    device_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    root BLOB NOT NULL,
    generation BIGINT NOT NULL,
    access_digest BLOB NOT NULL,
    access_expires_at BIGINT,
    refresh_digest BLOB,
    refresh_expires_at BIGINT,
    since BIGINT NOT NULL,
    former BIGINT,
    former_since BIGINT,
    offered BIGINT,
    offered_access_digest BLOB,
    offered_access_expires_at BIGINT,
    offered_refresh_digest BLOB,
    offered_refresh_expires_at BIGINT,
    nonce BLOB,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
) /* ROOM TO UPDATE */;

-- Of all sessions: those that have ended are looked for as well, and none has to move here when it does.
CREATE INDEX sessions_by_device ON sessions (localpart, device_id);
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE uia_sessions (
    digest BLOB NOT NULL PRIMARY KEY,
    operation TEXT NOT NULL,
    target TEXT NOT NULL,
    owner TEXT,
    parameters TEXT NOT NULL,
    completed TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    outcome TEXT
);

CREATE INDEX uia_sessions_by_expiry ON uia_sessions (expires_at);

-- Append-only: what happened to an account, when, from where. Never a secret.
CREATE TABLE audit_events (
    event_id INTEGER NOT NULL PRIMARY KEY,
    localpart TEXT NOT NULL,
    kind TEXT NOT NULL,
    happened_at BIGINT NOT NULL,
    address TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    detail TEXT NOT NULL
);

CREATE INDEX audit_events_by_account ON audit_events (localpart, event_id);
