"""What every room may use.

errors.py public.py lazy.py version.py    what users meet
formatting.py    how numbers and texts are written
describing.py    settings as JSON, to be stored and compared; never raises
checksums.py foreign_data.py    whether the data are those of an earlier search
threads.py       locks for what is not thread-safe
whole_files.py   files that are written completely or not at all
windows.py       what Windows does otherwise
warn_once.py     Python's warnings, each shown once in a search
"""
