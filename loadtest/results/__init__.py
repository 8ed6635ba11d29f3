"""What a load test is asked for, what it tells while it runs, and what it measured: report.json's model.

Knows neither how it is measured (`loadtest.tool`) nor how it is shown (`loadtest.report`).
"""

from loadtest.results.figures import FIGURES, Dimension, Figure
from loadtest.results.measures import (
    Capacity,
    CapacityStep,
    ClientFigures,
    CutKind,
    Cuts,
    Failure,
    Fidelity,
    Joins,
    JoinStep,
    Machine,
    Media,
    Playing,
    Quantiles,
    Second,
    Server,
    ServerFigures,
    ThresholdResult,
    Trend,
    WaitingRoom,
)
from loadtest.results.options import Options, ScenarioName, TicketSource
from loadtest.results.progress import Phase, Progress, Silent
from loadtest.results.report import BadReport, Report, read_report

__all__ = [  # noqa: RUF022  in the order a newcomer should read them
    "ScenarioName",
    "TicketSource",
    "Options",
    "Phase",
    "Progress",
    "Silent",
    "Report",
    "read_report",
    "BadReport",
    "Quantiles",
    "Joins",
    "JoinStep",
    "Media",
    "Playing",
    "Cuts",
    "CutKind",
    "WaitingRoom",
    "Trend",
    "Fidelity",
    "Server",
    "ServerFigures",
    "ClientFigures",
    "Machine",
    "Second",
    "Failure",
    "ThresholdResult",
    "Capacity",
    "CapacityStep",
    "FIGURES",
    "Figure",
    "Dimension",
]
