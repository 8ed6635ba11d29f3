"""A provider that stands in for itsme on one's own machine: test persons, and everybody may be each of them.

It does over HTTP what itsme does, by other code (jwcrypto) than what reads it (`auth.itsme`, joserfc), so
that one mistake cannot hide in both. The settings allow it on loopback only.
"""

from media_server.development_provider.handlers import DevelopmentProvider, add_provider_routes
from media_server.development_provider.persons import DOCTORS, PATIENTS, PERSONS, Person, Registration

__all__ = [  # noqa: RUF022 - in the order a newcomer should read them
    "DevelopmentProvider",
    "add_provider_routes",
    "PATIENTS",
    "DOCTORS",
    "PERSONS",
    "Person",
    "Registration",
]
