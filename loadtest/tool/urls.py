"""What somebody typed for a server's address, as the rest of the tool wants it. Pure."""

from yarl import URL

from loadtest.tool.errors import WrongUsage


def origin_of(typed: str) -> str:
    """`https://host[:port]`, without a slash at the end. Raises WrongUsage."""
    url = _web(typed, "--server")
    if url.path not in ("", "/") or url.query_string or url.fragment:
        raise WrongUsage(f"--server {url.origin()}: give the address alone, without a path")
    return str(url.origin())


def scraped_url(typed: str) -> str:
    """`http://host:port/metrics`; the path may be left out. Raises WrongUsage."""
    url = _web(typed, "--metrics")
    return str(url if url.path not in ("", "/") else url.with_path("/metrics"))


def _web(typed: str, option: str) -> URL:
    try:
        url = URL(typed)
        port = url.port
    except ValueError:
        url, port = URL(), None
    if url.scheme not in ("http", "https") or not url.host or port == 0:
        raise WrongUsage(
            f"{option}: give an address such as https://video.example.org or http://127.0.0.1:8080"
        )
    if url.user is not None:
        raise WrongUsage(f"{option}: give the address without a user name or password")
    return url


def bits_per_second(typed: str) -> int:
    """800k, 1.2M, 1200000. Raises WrongUsage."""
    factors = {"k": 1e3, "M": 1e6}
    number = typed.strip()
    factor = factors.get(number[-1:], 1.0)
    try:
        value = float(number.rstrip("kM")) * factor
    except ValueError:
        value = float("nan")
    if not 16_000 <= value <= 50_000_000:
        raise WrongUsage(f"--video-bitrate {typed}: give 16k to 50M, in bits per second")
    return round(value)
