"""The doctor's screen: my queue, then one chart with everything on it.

Owns no data. One request shows a whole visit; one Ctrl+Enter saves the note;
one confirmation saves, closes and signs. The patient's banner never scrolls
away, and allergies are stated even when there are none.
"""
