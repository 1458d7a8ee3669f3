-- What is to be sent, written in the transaction that causes it. A row leaves when its message has been handed over.
-- What it holds may be secret for as long as it is here: whoever reads it can read the mail as well.
-- It has its mark since it was first taken out.

CREATE TABLE outbox (
    outbox_id INTEGER NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    content TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    mark BLOB,
    last_error TEXT,
    given_up_at BIGINT
);

CREATE INDEX outbox_by_next_attempt ON outbox (next_attempt_at) WHERE given_up_at IS NULL;
