"""MIDI files for the tests."""

import io

import mido


def midi_bytes(*tracks, ticks_per_beat=100):
    """A file of tracks, each a list of messages with the ticks since the last."""
    file = mido.MidiFile(ticks_per_beat=ticks_per_beat)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(messages))
    content = io.BytesIO()
    file.save(file=content)
    return content.getvalue()


def note(key, ticks, after=0, channel=0):
    """The two messages of a note."""
    on = mido.Message("note_on", note=key, time=after, channel=channel)
    return [on, mido.Message("note_off", note=key, time=ticks, channel=channel)]


def tempo(quarters_a_minute, after=0):
    microseconds = mido.bpm2tempo(quarters_a_minute)
    return mido.MetaMessage("set_tempo", tempo=microseconds, time=after)
