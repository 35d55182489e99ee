"""My signatures: what waits for me, signed with one confirmation; my keys and delegations.

Owns no table. Joins signing (requests, agents, delegations), documents (the
basket) and accounts (fresh proof).
"""
