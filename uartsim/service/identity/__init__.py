"""Users, their tokens, their roles, and locks."""
