"""Marks that survive coding: a picture's number in black and white squares, and each second a beep. Pure."""

import numpy as np
from numpy.typing import NDArray

from loadtest.film import SAMPLE_RATE, Picture, Sound

Luma = NDArray[np.uint8]  # (height, width)
Samples = NDArray[np.int16]  # (samples,), of one channel

SIDE = 16  # pixels: one macroblock, so that no square shares its coefficients with another
NUMBER_BITS, CHECK_BITS = 12, 4
MARK_WIDTH = SIDE * (NUMBER_BITS + CHECK_BITS)
MOST_PICTURES = 1 << NUMBER_BITS

BEEPS_HZ = tuple(range(5_000, 8_000, 400))  # of a film's first second, of its second one, and so on
BEEP_S = 0.04
SLICE = SAMPLE_RATE // 200  # samples; a beep's beginning is known to 5 ms
QUIETEST = 1_500  # of 32,767: half of what a beep has after coding, and more
PURE = 0.5  # of a slice's power is the beep's
TURNS = np.exp(-2j * np.pi * np.outer(np.arange(SLICE), BEEPS_HZ) / SAMPLE_RATE)


def _check(number: int) -> int:
    return (number ^ number >> 4 ^ number >> 8 ^ 0b1010) & 0b1111


def write_number(picture: Picture, number: int) -> None:
    """At the left upper corner; `number` below MOST_PICTURES."""
    bits = number << CHECK_BITS | _check(number)
    for place in range(NUMBER_BITS + CHECK_BITS):
        lit = bits >> (NUMBER_BITS + CHECK_BITS - 1 - place) & 1
        picture[:SIDE, place * SIDE : (place + 1) * SIDE] = 255 * lit


def read_number(luma: Luma) -> int | None:
    """None where there is none that fits its check."""
    if luma.shape[0] < SIDE or luma.shape[1] < MARK_WIDTH:
        return None
    squares = luma[4 : SIDE - 4, :MARK_WIDTH].reshape(SIDE - 8, -1, SIDE)[:, :, 4 : SIDE - 4]
    bits = 0
    for bright in squares.mean(axis=(0, 2)) > 128:
        bits = bits << 1 | int(bright)
    number, check = bits >> CHECK_BITS, bits & (1 << CHECK_BITS) - 1
    return number if check == _check(number) else None


def write_beeps(sound: Sound) -> None:
    """At each whole second while there are any, each of its own pitch, with a moment of silence around."""
    times_s = np.arange(int(BEEP_S * SAMPLE_RATE)) / SAMPLE_RATE
    quiet = int(0.04 * SAMPLE_RATE)
    for start, pitch_hz in zip(range(0, len(sound), SAMPLE_RATE), BEEPS_HZ, strict=False):
        beep = 0.5 * np.sin(2 * np.pi * pitch_hz * times_s)
        sound[max(0, start - quiet) : start + len(beep) + quiet] = 0
        part = sound[start : start + len(beep)]
        part[:] = beep[: len(part)]


def beeping(samples: Samples) -> list[int | None]:
    """Of each whole slice the beep that it is part of, by the second of the film that begins with it."""
    slices = samples[: len(samples) // SLICE * SLICE].reshape(-1, SLICE).astype(np.float64)
    amplitudes = 2 * np.abs(slices @ TURNS) / SLICE
    amplitude = amplitudes.max(axis=1)
    power = (slices**2).mean(axis=1)
    heard = (amplitude > QUIETEST) & (amplitude**2 / 2 > PURE * power)
    seconds = amplitudes.argmax(axis=1)
    return [int(second) if one else None for second, one in zip(seconds, heard, strict=True)]
