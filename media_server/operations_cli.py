"""`teleconsult sessions …` and `teleconsult itsme …`: what an operator does when a login or a key is not
trusted.

What a script reads goes to standard output, words for people to standard error. Running servers notice by
themselves, within a second for sessions and half a minute for keys.
"""

import time
from enum import Enum
from typing import Annotated

import typer

from media_server.cli_parts import Config, counted, load_settings, moment, reporting, wrong_usage

sessions_app = typer.Typer(help="Logins: end them.", no_args_is_help=True)
itsme_app = typer.Typer(help="The keys that itsme knows us by.", no_args_is_help=True)


class Use(Enum):
    """JWK's `use` (RFC 7517 §4.2), or both."""

    SIGNING = "sig"
    DECRYPTION = "enc"
    BOTH = "both"


@sessions_app.command("revoke")
def revoke(
    person: Annotated[
        str | None, typer.Option("--person", metavar="ID", help="A patient's or doctor's id.")
    ] = None,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody who is logged in.")] = False,
    config: Config = None,
) -> None:
    """Log a person out of every device, or everybody; on all nodes, and out of calls, within a second.

    Doctors go off duty. Each session that ends has its line in the audit log.
    """
    if (person is None) == (not everybody):
        wrong_usage("give --person ID or --all")
    with reporting():
        from auth import LONGEST_SESSION_S, LONGEST_TICKET_S, KeyRing, PersonId
        from media_server.people import Doctors, UnknownPerson
        from media_server.records import FieldKeys, open_records
        from media_server.sessions import SessionStore

        settings = load_settings(config)
        engine = open_records(settings.records_url)
        try:
            fields = FieldKeys.open(settings.field_keys_folder)
            longest_s = max(LONGEST_TICKET_S, LONGEST_SESSION_S)
            keys = KeyRing.open(settings.keys_folder, longest_life_s=longest_s)
            sessions = SessionStore(engine, keys, fields, _now_us)
            doctors = Doctors(engine, fields, _now_us)
            if person is None:
                ended = sessions.revoke_everybody("operator")
                leaving = [doctor.id for doctor in doctors.all_on_duty()]
            else:
                ended = sessions.revoke_all_of(PersonId(person), "operator")
                leaving = [PersonId(person)]
            for doctor in leaving:
                try:
                    doctors.go_off_duty(doctor)
                except UnknownPerson:
                    continue  # a patient
        finally:
            engine.dispose()
    typer.echo(f"{counted(ended, 'session')} ended")


@itsme_app.command("rotate-key")
def rotate_key(
    use: Annotated[
        Use, typer.Option("--use", help="The key that signs, the one that itsme encrypts for, or both.")
    ] = Use.BOTH,
    config: Config = None,
) -> None:
    """Make a new key and publish it; print its id.

    A new signing key stands beside the old one for an hour before it is used, and the old one stays published
    for another hour. A new encryption key takes the old one's place; what itsme still encrypts for the old
    one can be read for a day. Keys that are over are deleted.
    """
    with reporting():
        from auth import KeyUse, RsaKeyRing

        ring = RsaKeyRing.open(load_settings(config).itsme_keys_folder)
        for each in KeyUse:
            if use in (Use.BOTH, Use(each.value)):
                typer.echo(f"{ring.rotate(each)}  {each.value}")


@itsme_app.command("keys")
def keys(config: Config = None) -> None:
    """Show the keys, oldest first: id, use, when made, and what it is for now."""
    with reporting():
        from auth import RsaKeyRing

        for state in RsaKeyRing.open(load_settings(config).itsme_keys_folder).described():
            made = moment(state.key.created_s)
            typer.echo(
                f"{state.key.kid}  {state.key.use.value}  made {made}  {', '.join(state.does) or 'over'}"
            )


def _now_us() -> int:
    return time.time_ns() // 1000
