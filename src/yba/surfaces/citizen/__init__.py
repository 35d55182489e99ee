"""The citizen's own record on her phone: next step, visits, who looked.

Owns no data. Whoever signs in sees one person's record: her own. Every page
says what happens next and where, and each look of somebody else is listed by
name, place and purpose. Standard: facts on the electronic health book.
"""
