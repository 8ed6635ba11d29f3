"""Who somebody is in a room: always the same participant there, and another one in every other room."""

from media_server.records import FieldKeys


def participant_id(keys: FieldKeys, consultation: str, person: str) -> str:
    """96 bits that only our nodes can compute, so that ids seen in two rooms tell nothing of who met whom."""
    return f"p-{keys.index('participant', f'{consultation}/{person}').hex()[:24]}"
