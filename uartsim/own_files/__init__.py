"""What of the file system is ours, and what may be done to it.

Nothing else in uartsim removes, overwrites or renames a file, or changes its mode; ``docs/files.md`` lists what uartsim
makes, and a test reads the source to keep both true.  The rules:

- A folder in which files are removed or overwritten carries a *mark*, the file ``.uartsim``, which says what the folder
  is for.  A folder that uartsim makes gets its mark at once.  A folder that was there gets one only if it is empty, or
  holds nothing but what an earlier version without marks has made.
- The folder belongs to this user, and nobody else can write to it.  A mode that is too wide is never changed: the error
  says how to change it.
- In such a folder only names that uartsim itself makes are touched.  No symbolic link is followed, no mount crossed.
- A file that the user names as an output must be new.

Folders are held by a descriptor, and files in them are named relative to it, so that a folder that is replaced between
check and use changes nothing.  Only the standard library's small modules are used: this runs before anything heavy is
imported.
"""
