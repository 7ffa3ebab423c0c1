"""Estimate how far a recording is tuned from A440, as in librosa's guide to its cache.

Usage: python estimate_tuning.py [AUDIO]

Without a file, a minute of music is synthesised: chords of harmonics over a drum, always the same,
tuned 15 cents high. Run it twice with LIBROSA_CACHE_DIR and LIBROSA_CACHE_LEVEL=50 set, and the
second run reads from the cache what the first has computed.
"""

from __future__ import annotations

import sys

import librosa
import numpy as np

SAMPLE_RATE = 22_050  # Hz
SECONDS = 60
CENTS = 15  # above A440
CHORDS = ((45, 52, 57, 61), (50, 57, 62, 66), (52, 56, 59, 64), (45, 52, 57, 61))  # MIDI notes
BEATS_PER_SECOND = 2


def synthesise() -> np.ndarray:
    """Make a minute of chords, four harmonics a note, and a drum of decaying noise on each beat."""
    noise = np.random.default_rng(seed=0)
    samples = SAMPLE_RATE * SECONDS // len(CHORDS) // 4
    time = np.arange(samples) / SAMPLE_RATE
    chords = []
    for notes in CHORDS * 4:
        frequencies = librosa.midi_to_hz(np.array(notes) + CENTS / 100)
        tones = [np.sin(2 * np.pi * f * k * time) / k for f in frequencies for k in (1, 2, 3, 4)]
        chords.append(np.sum(tones, axis=0) * np.exp(-time / 3))
    music = np.concatenate(chords)
    beat = SAMPLE_RATE // BEATS_PER_SECOND
    decay = np.exp(-np.arange(beat) / SAMPLE_RATE * 30)
    for start in range(0, len(music) - beat + 1, beat):
        music[start : start + beat] += 4 * noise.standard_normal(beat) * decay
    return (music / np.abs(music).max()).astype(np.float32)


def main() -> None:
    """Load or make the audio, keep its harmonic part, and print its tuning in cents."""
    if len(sys.argv) > 1:
        print("Loading", sys.argv[1])
        y, sr = librosa.load(sys.argv[1], sr=None)
    else:
        print(f"Synthesising {SECONDS} seconds, tuned {CENTS:+d} cents")
        y, sr = synthesise(), SAMPLE_RATE
    print("Separating the harmonic component")
    harmonic = librosa.effects.harmonic(y)
    print("Estimating the tuning")
    tuning = librosa.estimate_tuning(y=harmonic, sr=sr)
    print(f"{100 * tuning:+.2f} cents")


if __name__ == "__main__":
    main()
