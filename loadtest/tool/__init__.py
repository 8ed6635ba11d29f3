"""`teleconsult loadtest`: what operators run against deployments of their own; its way in is a command line.

What it finds out is `loadtest.results`, what people see of that `loadtest.report`.
"""

from loadtest.tool.cli import main
from loadtest.tool.entrances import MakeMint, Mint

__all__ = ["MakeMint", "Mint", "main"]
