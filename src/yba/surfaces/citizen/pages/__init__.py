"""The pages of a citizen. Each one is about her, or about somebody she acts for."""

from yba.plumbing.html.navigation import NavigationItem
from yba.plumbing.i18n import N_
from yba.surfaces.citizen.pages import family, hidden, looking, rights, shared, told, visits
from yba.surfaces.citizen.pages.subject import PERMISSION

NAVIGATION = [
    NavigationItem(N_("Today"), "citizen:home", PERMISSION, "house"),
    NavigationItem(N_("My record"), "citizen:record", PERMISSION, "book-open"),
    NavigationItem(N_("Who looked"), "citizen:access", PERMISSION, "eye"),
    NavigationItem(N_("Me"), "citizen:profile", PERMISSION, "user-round"),
]

PAGES = [
    *visits.PAGES,
    *looking.PAGES,
    *hidden.PAGES,
    *shared.PAGES,
    *family.PAGES,
    *rights.PAGES,
    *told.PAGES,
]
