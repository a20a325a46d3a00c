"""A search as one page of HTML, for those who were not there."""
