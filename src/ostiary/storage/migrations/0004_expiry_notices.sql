-- That the owner of an account has been told of its end, which is done once for each end.

ALTER TABLE accounts ADD COLUMN expiry_told_at BIGINT;

CREATE INDEX accounts_by_untold_expiry ON accounts (expires_at)
    WHERE expires_at IS NOT NULL AND is_expired = 0 AND expiry_told_at IS NULL;
