"""The pages of accounts: coming in, proving oneself again, and one's own security."""

from yba.foundation.accounts.pages import entering, external, proving, security
from yba.foundation.accounts.pages.browser import COOKIE, cookie_name
from yba.foundation.accounts.pages.proving import ask_for_proof

__all__ = ["COOKIE", "PAGES", "ask_for_proof", "cookie_name"]

PAGES = [*entering.PAGES, *external.PAGES, *proving.PAGES, *security.PAGES]
