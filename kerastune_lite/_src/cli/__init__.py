"""The command `kerastune`: shows projects, also while they are searched, and migrates scripts.

What a command needs is imported when it runs, so that `--help` and Tab are quick.
"""
