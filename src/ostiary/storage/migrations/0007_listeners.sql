-- The processes that remember sessions and are told, by the database, when others change them. Each shows by "beats" that
-- it is still there, and believes itself for "lease_ms" from the last one. Empty where processes ask instead of being told.

CREATE TABLE listeners (
    listener TEXT NOT NULL PRIMARY KEY,
    beats BIGINT NOT NULL,
    lease_ms BIGINT NOT NULL
);
