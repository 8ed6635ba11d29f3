"""Synthetic patients and doctors, and what they measured. Speaks the public contract only."""
