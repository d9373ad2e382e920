"""What training needs around networks: `torch.utils`."""

from . import data
