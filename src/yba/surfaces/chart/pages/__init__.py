"""The pages of the consulting room: the queue, one visit, the search boxes."""

from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.surfaces.chart.pages import lookups, queue, relating, visit

__all__ = ["NAVIGATION", "PAGES"]

NAVIGATION = [NavigationItem(N_("My queue"), "chart:queue", "chart.read", "stethoscope", "q")]

PAGES = [*queue.PAGES, *lookups.PAGES, *visit.PAGES, *relating.PAGES]
