"""The consultation over HTTP (protocol §3): one module for each part, each with its endpoints declared."""

from media_server.endpoints.all import all_endpoints
from media_server.endpoints.services import Services

__all__ = ["Services", "all_endpoints"]
