"""The portal page: files that Vite has built from ``web/``, and what the page asks beyond the management REST.

``page_files.py`` serves the page and its assets with the headers that bind the browser; ``portal_api.py`` answers below
``/_uartsim/portal/``.  What the page itself does is TypeScript, in ``web/src/``.
"""
