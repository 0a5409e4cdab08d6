"""A guest's output as text: cleaned text, kernel lines, patterns, matches, echoes, the screen.  No I/O, no clock."""
