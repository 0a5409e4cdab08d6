"""A record shown again: played to a terminal, drawn as a picture, told as a log or by the stages of its boot."""
