-- Subscriptions: where the change feed was read up to, who is to be told, and of what.
CREATE TABLE record.subscription_feed (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    xid bigint NOT NULL,                                      -- a position in the change feed
    type smallint NOT NULL DEFAULT 0,
    rid bigint NOT NULL DEFAULT 0,
    version int NOT NULL DEFAULT 0
);

CREATE TABLE record.subscription (
    id text COLLATE "C" PRIMARY KEY,                          -- of the Subscription resource
    version int NOT NULL,                                     -- the last one taken up or written
    state text NOT NULL CHECK (state IN ('requested', 'active', 'error', 'off')),
    events bigint NOT NULL DEFAULT 0,                         -- numbers given so far, without gaps
    delivered bigint NOT NULL DEFAULT 0,                      -- numbers acknowledged so far
    attempts int NOT NULL DEFAULT 0,                          -- failures in a row
    due_at timestamptz,                                       -- not before; NULL: at once
    told_at timestamptz,                                      -- the last notification that arrived
    error text NOT NULL DEFAULT ''
);
CREATE INDEX subscription_open ON record.subscription (id) WHERE state <> 'off';

CREATE TABLE record.subscription_event (
    subscription text COLLATE "C" NOT NULL REFERENCES record.subscription ON DELETE CASCADE,
    number bigint NOT NULL,
    at bigint NOT NULL,                                       -- of the change: microseconds
    type text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    version int NOT NULL,
    action text NOT NULL CHECK (action IN ('create', 'update', 'delete')),
    PRIMARY KEY (subscription, number)
);

-- Who may listen on a websocket: given to somebody who asked with a bearer token, for a while.
CREATE TABLE record.subscription_binding (
    token_hash bytea PRIMARY KEY,
    subscriptions text[] NOT NULL,
    expires_at timestamptz NOT NULL
);
