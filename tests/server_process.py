"""The real server for tests, from loadtest/server_process.py: the one place that starts and ends it.

async with running_server({"WORKERS": "1"}) as server:
    ticket = await server.ticket("doctor", room="r")
    async with Client(ticket.url, ticket.ticket) as client: ...
"""

from loadtest.server_process import ServerFailed, ServerProcess, Ticket, dying_with_parent, running_server

__all__ = ["ServerFailed", "ServerProcess", "Ticket", "dying_with_parent", "running_server"]
