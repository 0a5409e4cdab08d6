"""Commands and files at a shell's prompt: ``run``, ``put_file`` and ``get_file``."""
