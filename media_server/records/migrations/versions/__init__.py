"""One file for each change, named after its number. Published ones are never edited.

Names of checks are in `op.f`: they are whole, and the tables' naming convention is not applied again.
"""
