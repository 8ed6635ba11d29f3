"""What became of a recording in an export, in figures."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """`frames` were written, none where there was nothing to show or hear. `dropped`: pictures that were not,
    because packets were missing, of them or of those before; `freezes`: how often the picture stood still for
    it. `mistimed`: frames with timestamps that cannot be; they stand where they arrived, or not at all.
    """

    label: int
    participant: str
    role: str
    kind: str
    codec: str
    frames: int = 0
    dropped: int = 0
    freezes: int = 0
    malformed: int = 0
    late: int = 0
    mistimed: int = 0
    silence_s: float = 0.0

    def line(self) -> str:
        if not self.frames:
            return f"track {self.label}: {self.role}'s {self.kind} ({self.codec}), nothing in it: left out"
        parts = [f"track {self.label}: {self.role}'s {self.kind} ({self.codec}), {self.frames} frames"]
        for count, what in (
            (self.dropped, "pictures dropped"),
            (self.freezes, "freezes"),
            (self.malformed, "malformed"),
            (self.late, "too late"),
            (self.mistimed, "with impossible times"),
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
