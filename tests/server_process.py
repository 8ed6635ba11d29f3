"""The real server for tests: `async with running_server({"WORKERS": "1"}) as server:` (see loadtest/server_process.py).

ticket = await server.ticket("doctor", room="r")
async with Client(ticket.url, ticket.ticket) as client: ...
"""

from loadtest.server_process import ServerFailed, ServerProcess, Ticket, running_server

__all__ = ["ServerFailed", "ServerProcess", "Ticket", "running_server"]
