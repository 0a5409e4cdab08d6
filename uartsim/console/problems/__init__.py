"""What goes wrong on a console: the catalogue as data, and what watches for it."""
