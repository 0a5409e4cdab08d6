"""What pip runs to build uartsim: ``portal_backend.py`` has the hooks, ``page_builder.py`` builds the portal page."""
