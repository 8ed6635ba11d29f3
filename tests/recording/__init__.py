"""Recordings end to end: real servers, real media, real disks, and the tools that a custodian has."""
