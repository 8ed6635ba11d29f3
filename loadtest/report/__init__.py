"""What people see of a load test: how it goes while it runs, and what came of it as one HTML file.

Made of what the test tells and of what report.json holds; knows no server.
"""

from loadtest.report.comparison import Change, Verdict, compared, different_plans, headlines
from loadtest.report.headline import describe, server_doubt
from loadtest.report.live import shown
from loadtest.report.page import html_of

__all__ = [  # noqa: RUF022  in the order a newcomer should read them
    "shown",
    "html_of",
    "describe",
    "server_doubt",
    "compared",
    "headlines",
    "different_plans",
    "Change",
    "Verdict",
]
