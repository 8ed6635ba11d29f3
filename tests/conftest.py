"""For all tests."""

from hypothesis import settings

# A machine that is busy with something else takes as long as it takes: no test fails for that.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
