-- What somebody is told, in the program; e-mail says only that there is a message.
CREATE SCHEMA notices;

CREATE TABLE notices.notice (
    notice_id bigint PRIMARY KEY,
    holder text COLLATE "C" NOT NULL CHECK (holder ~ '^(account|patient):.'),
    kind text COLLATE "C" NOT NULL,
    -- A msgid and what fills it, so that it is read in the reader's language.
    sentence text NOT NULL,
    filling jsonb NOT NULL DEFAULT '{}',
    link text NOT NULL DEFAULT '' CHECK (link = '' OR link ~ '^/[^/\\]'),
    at timestamptz NOT NULL,
    read_at timestamptz,
    mailed_at timestamptz
);
CREATE INDEX notice_holder ON notices.notice (holder, notice_id);
CREATE INDEX notice_unread ON notices.notice (holder) WHERE read_at IS NULL;

-- Where somebody has asked to be told by e-mail that a message waits.
CREATE TABLE notices.address (
    holder text COLLATE "C" PRIMARY KEY CHECK (holder ~ '^(account|patient):.'),
    email text NOT NULL,
    language text NOT NULL CHECK (language IN ('vi', 'en')),
    set_at timestamptz NOT NULL
);
