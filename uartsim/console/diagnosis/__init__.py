"""Why a console shows nothing, or Enter does nothing: a verdict from facts, with what shows it and what to do.

Nothing is typed, and no register is read through the guest's side of the chip: to diagnose changes nothing.

``line_facts.py`` collects what chip, line and hub know; ``shown_state.py`` reads what the guest has sent, as a terminal
shows it and as the catalogue of problems knows it; ``line_causes.py`` has the causes that lie in the line or in how the
guest uses its port; ``diagnose.py`` puts them in order.
"""
