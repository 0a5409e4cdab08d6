"""What a guest's bytes say, as pure functions of them: cleaned text, kernel lines, patterns, matches, echoes, the screen."""
