-- Signing in with another's word (OpenID Connect): who is whom there, and requests under way.
CREATE TABLE accounts.external_identity (
    issuer       text COLLATE "C" NOT NULL,
    subject      text COLLATE "C" NOT NULL,
    account_id   text NOT NULL REFERENCES accounts.account,
    linked_at    timestamptz NOT NULL,
    last_used_at timestamptz,
    PRIMARY KEY (issuer, subject)
);
CREATE INDEX external_identity_account ON accounts.external_identity (account_id);

-- One answer per request, from the browser that asked, within minutes.
CREATE TABLE accounts.external_request (
    state_sha256 bytea PRIMARY KEY,
    nonce        text NOT NULL,
    verifier     text NOT NULL,
    next         text NOT NULL,
    account_id   text,
    expires_at   timestamptz NOT NULL
);

-- Twice a year somebody says of every account that it still needs what it may.
CREATE TABLE accounts.rights_review (
    review_id   bigint PRIMARY KEY,
    account_id  text NOT NULL REFERENCES accounts.account,
    reviewer_id text NOT NULL,
    reviewed_at timestamptz NOT NULL,
    roles       text[] NOT NULL,
    verdict     text NOT NULL CHECK (verdict IN ('confirmed', 'changed', 'disabled'))
);
CREATE INDEX rights_review_account ON accounts.rights_review (account_id, reviewed_at DESC);
