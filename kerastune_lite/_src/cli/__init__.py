"""The command `kerastune`: shows, compares and prunes projects, and migrates scripts.

What a command needs is imported when it runs, so that `--help` and Tab are quick.
"""
