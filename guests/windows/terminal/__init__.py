"""What is between a text and the line: the 80 by 24 screen of VT-UTF8, and the keys that come back."""
