"""The composition root: profiles, ASGI, worker, command line, demo, wiring."""
