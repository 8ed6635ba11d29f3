"""The image's health check: asks the server of this container whether it lives. Exit status 0 or 1.

It runs every few seconds, so it is the standard library alone and starts at once, which the command line does
not. The server's own settings say where it listens: the environment, else the file.
"""

import http.client
import os
import ssl
import sys
import tomllib

ANSWER_WITHIN_S = 3.0
ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def settings() -> dict[str, str]:
    """By their names in small letters; only those that are set."""
    values: dict[str, str] = {}
    path = os.environ.get("TELECONSULT_CONFIG") or "teleconsult.toml"
    if os.path.exists(path):
        with open(path, "rb") as file:
            values = {name.lower(): str(value) for name, value in tomllib.load(file).items()}
    prefix = "TELECONSULT_"
    return values | {
        name.removeprefix(prefix).lower(): value
        for name, value in os.environ.items()
        if name.startswith(prefix) and value
    }


def connection(values: dict[str, str]) -> http.client.HTTPConnection:
    host = values.get("http_host", "127.0.0.1")
    host = ANY_ADDRESS.get(host, host)
    port = int(values.get("http_port", "8080"))
    if "tls_certificate" not in values:
        return http.client.HTTPConnection(host, port, timeout=ANSWER_WITHIN_S)
    # The certificate is for the name that clients use, not for this address.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=ANSWER_WITHIN_S, context=context)


def main() -> int:
    try:
        asked = connection(settings())
        asked.request("GET", "/healthz")
        status = asked.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"no answer: {type(error).__name__}", file=sys.stderr)  # noqa: T201  for `docker inspect`
        return 1
    if status != 200:
        print(f"status {status}", file=sys.stderr)  # noqa: T201  for `docker inspect`
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
