"""Everything that waits: tickets, orders, samples, unsigned documents.

Owns work.item and work.step (who moved it, when). One state table for all
kinds; boards hear of each change through PostgreSQL NOTIFY, channel `work`.
Others read work.item_v1.
"""
