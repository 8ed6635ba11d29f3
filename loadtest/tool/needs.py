"""What a test needs of this machine, and of its options together, before anything begins."""

import resource

from loadtest.results import Options
from loadtest.tool.errors import CannotTest, WrongUsage

SOCKETS_EACH = 2  # signalling and media
OPEN_BESIDE = 150  # a hundred requests for tickets at a time, and what the process itself has open


def check_servers(options: Options) -> None:
    """Raises WrongUsage: a server that is given twice would be counted twice."""
    for origin in options.servers:
        if options.servers.count(origin) > 1:
            raise WrongUsage(f"--server {origin}: it is given twice")


def allow_sockets(options: Options) -> None:
    """As many as this system lets us have: most allow a thousand unless asked. Raises CannotTest."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = SOCKETS_EACH * options.most_participants + OPEN_BESIDE
    fewer = "give a lower --most" if options.find_capacity else "hold fewer"
    if most != resource.RLIM_INFINITY and most < needed:
        raise CannotTest(
            f"{options.most_participants} participants take {needed} open files, and the limit here is "
            f"{most}: raise the limit (ulimit -Hn), or {fewer}."
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
