"""Bad networks on purpose: what `--impair` says. Pure; the traffic client carries it out."""

from loadtest.impairment.grammar import BadImpairment, Direction, Impairment, parse_impairment

__all__ = ["BadImpairment", "Direction", "Impairment", "parse_impairment"]
