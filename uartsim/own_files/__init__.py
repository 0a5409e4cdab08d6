"""The files and folders that belong to uartsim, and every operation that changes or removes files.

No other part of uartsim removes, overwrites or renames a file, or changes its mode.  ``docs/files.md`` lists the files
that uartsim makes; a test reads the source to keep both statements true.  The rules:

- A folder in which files are removed or overwritten carries a *mark*, the file ``.uartsim``, which says what the folder
  is for.  A folder that uartsim makes gets its mark at once.  A folder that existed before gets one only if it is empty,
  or if everything in it was made by an earlier version, which had no marks.
- The folder belongs to this user, and no other user can write to it.  A mode that is too permissive is never changed: the
  error says how to change it.
- In such a folder only files with names that uartsim uses are touched.  No symbolic link is followed, no mount crossed.
- A file that the user names as an output must be new.

Folders are held open by a descriptor, and files in them are named relative to it, so that replacing a folder between check
and use has no effect.  Only small modules of the standard library are used, because this code runs before anything heavy
is imported.
"""
