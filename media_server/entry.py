"""The console script. It imports the command line where Ctrl-C ends the program without a trace."""

from typing import NoReturn


def main() -> NoReturn:
    try:
        from media_server import cli
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    cli.main()
