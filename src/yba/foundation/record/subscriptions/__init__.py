"""Subscriptions: who is told what changed, in what order, until they have heard it.

Owns record.subscription, subscription_feed, subscription_event, subscription_binding. Main rules:
events come from the change feed and are numbered without gaps in the transaction that moves the
feed's position; a notification is repeated until it is acknowledged; a filter is decided on the
very state that changed.
Standard: FHIR R4 Subscription; Subscriptions R5 Backport 1.1 (topics in R4).
"""
