-- The change feed gives every version once, in the order of transactions: superseded states too.
CREATE INDEX history_xid ON record.history (xid);
