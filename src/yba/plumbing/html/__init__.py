"""The HTML shell: layout, components, looks, fonts, icons. No health words.

Every page extends `html/page.html` and is built from the macros of
`html/components.html`. Pages work before any script runs; scripts only make
them quicker. No inline script or style: the content security policy forbids it.
Standard: WCAG 2.2 AA; ARIA Authoring Practices (combobox, tabs).
"""
