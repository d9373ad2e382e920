from typing import final

@final
class Plan:
    def __init__(self) -> None: ...
