"""Property tests try the same examples at every run, so that a failure can be seen again.

To look for new ones: ``HYPOTHESIS_PROFILE=default pytest``.
"""

import os

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))
