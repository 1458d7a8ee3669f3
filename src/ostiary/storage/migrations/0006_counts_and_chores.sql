-- What processes share while they run: how many calls an account has left, and whose turn it is to keep house.

-- By a digest of what is limited; full again at that time, in microseconds. Nobody misses it after a crash, so that it
-- need not be written as safely as everything else; every row that says no more than that a bucket is full is deleted.
CREATE /* UNLOGGED */ TABLE buckets (
    digest BLOB NOT NULL PRIMARY KEY,
    full_at_us BIGINT NOT NULL
);

-- From when on anybody may take a chore. While one is at it: when whoever has it is taken to be dead.
CREATE TABLE chores (
    name TEXT NOT NULL PRIMARY KEY,
    taken_by TEXT NOT NULL,
    due_at BIGINT NOT NULL
);

CREATE INDEX outbox_by_giving_up ON outbox (given_up_at) WHERE given_up_at IS NOT NULL;
