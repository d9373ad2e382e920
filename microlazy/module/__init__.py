"""`mx.mod`: graphs with parameters, trained by batches of an iterator."""

# mypy: implicit-reexport

from microlazy.module.base_module import BaseModule
from microlazy.module.bucketing_module import BucketingModule
from microlazy.module.module import Module
from microlazy.module.python_module import PythonLossModule, PythonModule
from microlazy.module.sequential_module import SequentialModule
