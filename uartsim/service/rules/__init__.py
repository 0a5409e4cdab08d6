"""Who may open a console, in which order that is checked, and the text that says why not."""
