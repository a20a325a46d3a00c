"""What every room may use.

errors.py public.py lazy.py version.py    what users meet
formatting.py    how numbers and texts are written
describing.py    what a setting is known by, whatever it is: never raises
checksums.py foreign_data.py    whether the data are those of an earlier search
threads.py       turns, for what is not safe in two threads
whole_files.py   files that are there as a whole or not at all
warn_once.py     Python's warnings, shown once in a search
"""
