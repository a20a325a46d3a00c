"""What we see: views receive the events of a search and show them.

They are imported when they are first needed, because they import rich.
"""
