-- Accounts, devices, sessions, tokens, interactive authentications, audit.
-- Instants are milliseconds since the epoch, UTC. Tokens are here by their SHA-256 only.

CREATE TABLE accounts (
    localpart TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    password_hash TEXT,
    created_at BIGINT NOT NULL
);

CREATE TABLE devices (
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    device_id TEXT NOT NULL,
    display_name TEXT,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT,
    last_seen_ip TEXT,
    PRIMARY KEY (localpart, device_id)
);

-- A session outlives its device, as long as a token of it may still come in and be told that it has ended.
CREATE TABLE sessions (
    session_id INTEGER NOT NULL PRIMARY KEY,
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    device_id TEXT NOT NULL,
    generation BIGINT NOT NULL,
    offered BIGINT,
    nonce BLOB,
    offered_expires_at BIGINT,
    created_at BIGINT NOT NULL,
    ended_at BIGINT,
    end_reason TEXT
);

CREATE INDEX sessions_by_device ON sessions (localpart, device_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE access_tokens (
    digest BLOB NOT NULL PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (session_id),
    generation BIGINT NOT NULL,
    expires_at BIGINT,
    died_at BIGINT
);

CREATE INDEX access_tokens_by_session ON access_tokens (session_id);
CREATE INDEX access_tokens_by_death ON access_tokens (died_at) WHERE died_at IS NOT NULL;

CREATE TABLE refresh_tokens (
    digest BLOB NOT NULL PRIMARY KEY,
    session_id BIGINT NOT NULL REFERENCES sessions (session_id),
    generation BIGINT NOT NULL,
    expires_at BIGINT,
    died_at BIGINT
);

CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_by_death ON refresh_tokens (died_at) WHERE died_at IS NOT NULL;

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
