"""One file for each change, named after its number. Published ones are never edited."""
