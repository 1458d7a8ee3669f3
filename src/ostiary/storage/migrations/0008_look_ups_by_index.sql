-- What is looked for by account or by link is found by an index, so that it costs the same however many there are.

CREATE INDEX login_tokens_by_account ON login_tokens (localpart);
CREATE INDEX openid_tokens_by_account ON openid_tokens (localpart);
CREATE INDEX uia_sessions_by_owner ON uia_sessions (owner) WHERE owner IS NOT NULL;
CREATE INDEX validations_by_link ON validations (link_digest) WHERE link_digest IS NOT NULL;
