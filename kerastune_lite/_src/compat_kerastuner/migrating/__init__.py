"""`kerastune migrate`: scripts and notebooks for KerasTuner with their imports changed.

pieces.py notebooks.py magics.py   the Python in a file, and where each character of it stands
names.py                           KerasTuner's public names, which kerastune_lite has, too
script.py                          the parsed file, and what its names mean
imports.py                         what is replaced: imports, and the lines that install
differences.py                     what behaves otherwise here: a table, to which lines are added
reading.py                         a file: what would change, and what is to be said of it
"""
