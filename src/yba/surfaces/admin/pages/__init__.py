"""The administrator's pages: this node, and the people who work with it."""

from yba.surfaces.admin.pages import home, people

__all__ = ["NAVIGATION", "PAGES"]

NAVIGATION = [*home.NAVIGATION, *people.NAVIGATION]
PAGES = [*home.PAGES, *people.PAGES]
