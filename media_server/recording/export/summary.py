"""What became of a recording in an export, in figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """`frames` were written, `dropped` pictures not: packets were missing, of them or of those before."""

    label: int
    role: str
    kind: str
    codec: str
    frames: int
    dropped: int
    malformed: int
    late: int
    silence_s: float

    def line(self) -> str:
        parts = [f"track {self.label}: {self.role}'s {self.kind} ({self.codec}), {self.frames} frames"]
        for count, what in (
            (self.dropped, "pictures dropped"),
            (self.malformed, "malformed"),
            (self.late, "too late"),
        ):
            if count:
                parts.append(f"{count} {what}")
        if self.kind == "audio" and self.silence_s >= 0.1:
            parts.append(f"{self.silence_s:.1f} s of silence filled in")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Summary:
    duration_s: float
    tracks: tuple[TrackSummary, ...]

    def lines(self) -> list[str]:
        return [f"{self.duration_s:.1f} s", *(track.line() for track in self.tracks)]
