"""Sounds as WAV files: speech by `espeak-ng` where that program is installed, tones otherwise, and tunes.

A spoken file carries its text as a comment, as a player's "title" does, so that the offline listener can
write down what the offline speaker said. Other sounds are described by their length and pitch.
"""

from __future__ import annotations

import functools
import hashlib
import io
import shutil
import struct
import subprocess
import wave

__all__ = ["compose", "heard", "pitch_of", "seconds_of", "speak"]

RATE = 22050
_SCALE = (262, 294, 330, 392, 440, 523, 587, 659)
"""Five notes in two octaves, in Hz: whatever the words draw from them, it sounds well."""
_COMMENT = b"ICMT"


@functools.lru_cache(maxsize=64)
def speak(text: str) -> bytes:
    """The text as speech, or as a tone for each of its letters."""
    program = shutil.which("espeak-ng")
    if program is not None:
        spoken = subprocess.run(  # noqa: S603 - a program found on the path, and the text goes in by stdin
            [program, "--stdin", "--stdout"],
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=30,
        ).stdout
        at = spoken.find(b"data")
        if at > 0:
            # Written to a pipe, its header cannot know the length.
            return _written(spoken[at + 8 :], int.from_bytes(spoken[24:28], "little"), text)
    letters = [letter for letter in text.lower() if letter.isalnum() or letter == " "][:200] or [" "]
    tones = [(0.0 if letter == " " else 180 + 12 * (ord(letter) % 48), 0.07) for letter in letters]
    return _written(_tones(tones), RATE, text)


@functools.lru_cache(maxsize=64)
def compose(words: str, seconds: float = 2.0) -> bytes:
    """A tune that the words' hash draws."""
    beats = max(1, round(seconds / 0.25))
    drawn = hashlib.shake_128(words.encode("utf-8", "replace")).digest(beats)
    return _written(_tones([(float(_SCALE[item % 8]), 0.25) for item in drawn]), RATE, "")


def _tones(tones: list[tuple[float, float]]) -> bytes:
    import numpy as np

    parts = []
    for pitch, seconds in tones:
        places = np.arange(int(seconds * RATE))
        fade = np.minimum(1, np.minimum(places, places[::-1]) / (0.008 * RATE))
        parts.append(9000 * fade * np.sin(2 * np.pi * pitch * places / RATE))
    return bytes(np.concatenate(parts).astype("<i2").tobytes())


def _written(samples: bytes, rate: int, comment: str) -> bytes:
    """A WAV file of 16 bits and one channel, with a comment after the sound where there is one."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(samples[: len(samples) & ~1])
    data = file.getvalue()
    if comment:
        text = comment.encode() + b"\0"
        text += b"\0" * (len(text) & 1)
        info = b"INFO" + _COMMENT + struct.pack("<I", len(text)) + text
        data += b"LIST" + struct.pack("<I", len(info)) + info
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    return data


def heard(data: bytes) -> str:
    """What was said: the comment of a spoken file, or words about any other sound."""
    at = data.rfind(_COMMENT)
    if data[:4] == b"RIFF" and at > 0:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        return data[at + 8 : at + 8 + length].rstrip(b"\0").decode("utf-8", "replace")
    seconds = seconds_of(data)
    return f"a sound of {seconds:g} seconds" if seconds else f"a sound of {len(data)} bytes"


def seconds_of(data: bytes) -> float:
    """How long a WAV file lasts, to a hundredth; 0 for other kinds."""
    try:
        with wave.open(io.BytesIO(data)) as sound:
            return float(round(sound.getnframes() / (sound.getframerate() or 1), 2))
    except (wave.Error, EOFError):
        return 0.0


def pitch_of(data: bytes) -> float:
    """The strongest pitch of a WAV file in Hz, 0 where there is none to be found."""
    import numpy as np

    try:
        with wave.open(io.BytesIO(data)) as sound:
            rate, width, channels = sound.getframerate(), sound.getsampwidth(), sound.getnchannels()
            raw = sound.readframes(min(sound.getnframes(), 4 * rate))
    except (wave.Error, EOFError):
        return 0.0
    if width != 2 or len(raw) < 4 * channels:
        return 0.0
    samples = np.frombuffer(raw[: len(raw) - len(raw) % (2 * channels)], "<i2")[::channels].astype(float)
    strength = np.abs(np.fft.rfft(samples))
    strength[0] = 0
    return float(round(np.argmax(strength) * rate / len(samples), 1)) if strength.any() else 0.0
