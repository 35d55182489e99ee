"""Notices: what somebody is told, in the program and, if she asked for it, by e-mail.

Owns schema notices: the list of each account and each patient, and the addresses for e-mail.
Main rule: an e-mail says that a message waits and where to sign in, never what it says, about whom
or from which part of the facility (Law 91/2025/QH15: health data are sensitive).
"""
