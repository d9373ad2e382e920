from typing import Any

import numpy

class Special:
    __name__: str
    def __init__(self, name: str) -> None: ...
    def __call__(
        self, *arrays: numpy.ndarray[Any, Any], **options: Any
    ) -> numpy.ndarray[Any, Any]: ...
