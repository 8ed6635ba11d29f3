"""The application: settings, command line, HTTP, wiring of sfu, signalling and auth, metrics, logs, the web
pages.

Nobody imports it: it is started, by `teleconsult` or `python -m media_server.cli`.
"""
