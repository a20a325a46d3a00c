"""The command `kerastune`: looks at projects, also while they are searched, and changes nothing.

Whatever a command needs is imported when it runs, so that `--help` and Tab are quick.
"""
