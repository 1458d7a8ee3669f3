-- Moves with every change of a session, so that processes which share a file know when what they remember is out of date.
-- Where the database tells of changes by itself, nothing is written here.

CREATE TABLE session_changes (
    version BIGINT NOT NULL
);

INSERT INTO session_changes (version) VALUES (0);
