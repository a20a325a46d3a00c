"""A search as one page of HTML, for people who have not seen it."""
