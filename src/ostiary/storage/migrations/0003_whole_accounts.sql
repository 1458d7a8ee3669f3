-- What an account is and has beyond its sessions: its states, its addresses and how they are validated, its profile,
-- what it agreed to; and the tokens that let one register, log in from another device, or be known to another service.

-- "state" follows from the others and is written with them, so that whoever logs in, or is asked about, has one column.
ALTER TABLE accounts ADD COLUMN is_locked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN is_suspended BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN is_expired BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN awaits_approval BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN is_erased BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN is_admin BIGINT NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN deactivated_at BIGINT;
ALTER TABLE accounts ADD COLUMN expires_at BIGINT;
ALTER TABLE accounts ADD COLUMN appservice_id TEXT;

CREATE INDEX accounts_by_expiry ON accounts (expires_at) WHERE expires_at IS NOT NULL AND is_expired = 0;
CREATE INDEX accounts_by_approval ON accounts (localpart) WHERE awaits_approval = 1;

ALTER TABLE devices ADD COLUMN last_seen_user_agent TEXT;

CREATE TABLE threepids (
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    validated_at BIGINT NOT NULL,
    added_at BIGINT NOT NULL,
    PRIMARY KEY (medium, address)
) WITHOUT ROWID;

CREATE INDEX threepids_by_account ON threepids (localpart);

-- Which identity servers were told whose address it is.
CREATE TABLE threepid_bindings (
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    id_server TEXT NOT NULL,
    PRIMARY KEY (localpart, medium, address, id_server)
) WITHOUT ROWID;

-- A person shows to read an address. Client secret, link and code are here by digest only.
CREATE TABLE validations (
    sid TEXT NOT NULL PRIMARY KEY,
    purpose TEXT NOT NULL,
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    secret_digest BLOB NOT NULL,
    send_attempt BIGINT NOT NULL,
    next_link TEXT,
    language TEXT NOT NULL,
    link_digest BLOB,
    code_digest BLOB,
    wrong_codes BIGINT NOT NULL,
    is_held BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    validated_at BIGINT,
    used_at BIGINT,
    UNIQUE (purpose, medium, address, secret_digest)
);

CREATE INDEX validations_by_expiry ON validations (expires_at);

CREATE TABLE registration_tokens (
    token TEXT NOT NULL PRIMARY KEY,
    uses_allowed BIGINT,
    completed BIGINT NOT NULL,
    expires_at BIGINT,
    created_at BIGINT NOT NULL,
    proposed_name TEXT,
    invited_address TEXT
);

-- Dialogues that have shown a token and not come to their end: uses that are pending.
CREATE TABLE registration_token_holds (
    token TEXT NOT NULL REFERENCES registration_tokens (token) ON DELETE CASCADE,
    uia_digest BLOB NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (token, uia_digest)
);

CREATE INDEX registration_token_holds_by_expiry ON registration_token_holds (expires_at);

CREATE TABLE consents (
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    policy TEXT NOT NULL,
    version TEXT NOT NULL,
    agreed_at BIGINT NOT NULL,
    PRIMARY KEY (localpart, policy, version)
) WITHOUT ROWID;

CREATE TABLE login_tokens (
    digest BLOB NOT NULL PRIMARY KEY,
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    expires_at BIGINT NOT NULL
);

CREATE INDEX login_tokens_by_expiry ON login_tokens (expires_at);

CREATE TABLE openid_tokens (
    digest BLOB NOT NULL PRIMARY KEY,
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    expires_at BIGINT NOT NULL
);

CREATE INDEX openid_tokens_by_expiry ON openid_tokens (expires_at);

CREATE TABLE profile_fields (
    localpart TEXT NOT NULL REFERENCES accounts (localpart),
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (localpart, name)
) WITHOUT ROWID;

CREATE INDEX audit_events_by_time ON audit_events (happened_at);
