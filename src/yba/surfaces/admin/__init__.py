"""The administrator's page: is everything well, and who may sign in.

Owns no data. Shows counts and states, never a patient.
"""
