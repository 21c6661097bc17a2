"""Tables with known errors: clean tables of several domains, errors put into them, and the score of what was found."""
