"""What we see: views are told what happens in a search and show it.

The views themselves are imported when they are first asked for, since they bring rich.
"""
