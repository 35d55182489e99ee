"""Fictitious people and visits, for demonstrations, tests and benchmarks.

Owns no table. Everything is computed from a seed and a number: the same pair
always gives the same person or visit, in any order, one at a time, so that a
million persons need no memory. Names, addresses, illnesses and treatments are
plausible for Vietnam; nobody in them exists. What marks them as invented:

- personal numbers begin with 099, a birth-registration place that is not issued;
- social-insurance numbers begin with 99;
- telephone numbers begin with 0990, a block that is not in use;
- practising licences end in /YBA-GPHN.

Codes, prices and names of services and drugs come from the lists that
`foundation.terminology` ships.
"""
