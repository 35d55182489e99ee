-- Which program asked for a Subscription, so that it ends when the program is cut off.
CREATE TABLE record.subscription_owner (
    id        text COLLATE "C" PRIMARY KEY,
    client_id text COLLATE "C" NOT NULL
);
CREATE INDEX subscription_owner_client ON record.subscription_owner (client_id);
