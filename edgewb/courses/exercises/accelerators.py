"""Notebook 10, choosing hardware: how much of a stated peak a network uses, where the break-even lies, and which of two to take."""

from __future__ import annotations

from edgewb.courses.checks import NotYet, exercise, expect_close, number_in, text_in, whole_number_in
from edgewb.lessons.language_models import STREAMING_MB_S
from edgewb.lessons.queues import break_even, most_sensors, utilisation

# Of YOLOv8n at 640 x 640 on a Hailo-8: hailo-ai/hailo_model_zoo@c83fc03, docs/public_models/HAILO8.
FRAMES_S, OPERATIONS, PEAK = 1036, 8.74e9, 26e12
# Invented for the exercise, as its text says.
DEVICE_PRICE, SERVER_PRICE, LINK_PRICE = 60, 900, 15
CAMERAS, FRAME_RATE, SERVICE_MS, NETWORK_MS, LIMIT_MS = 8, 15, 12, 5, 100
PARAMETERS = 1.7e9


@exercise("10.1")
def judge_peak(used: object) -> str:
    """The share of a stated peak that a network uses."""
    right = FRAMES_S * OPERATIONS / PEAK
    expect_close(
        used, right, "used", relative=0.02,
        mistakes={
            "that is in percent; a share between 0 and 1 is asked for.": 100 * right,
            "that is its reciprocal: the peak stands below the line.": 1 / right,
            "an operation of the table is an addition or a multiplication already, so there is nothing to double.": 2 * right,
            "8.74 are thousand millions (1e9), 26 are million millions (1e12).": FRAMES_S * 8.74 / 26,
            "those are operations a second; which share of the peak are they?": FRAMES_S * OPERATIONS,
            "that is one frame's share of a second's peak; how many frames are there in a second?": OPERATIONS / PEAK,
        },
        hint="Frames a second times operations a frame gives operations a second; the peak is in operations a second, too.",
    )  # fmt: skip
    return f"{100 * right:.0f} % of the peak. MobileNetV2 uses 6 % of the same one: the figure belongs to a network, not to a chip."


@exercise("10.2")
def judge_break_even(sensors: object) -> str:
    """From how many sensors a server costs no more."""
    right = break_even(DEVICE_PRICE, SERVER_PRICE, LINK_PRICE).sensors
    assert right is not None
    value = number_in(sensors, "sensors")
    mistakes = {
        "the link is missing: with a server each sensor still needs its network.": SERVER_PRICE / DEVICE_PRICE,
        "the link is paid with the server, not with the device, so it is taken off what each sensor saves.": SERVER_PRICE
        / (DEVICE_PRICE + LINK_PRICE),
        "that is the server against the links alone; what does a device cost?": SERVER_PRICE / LINK_PRICE,
    }
    expect_close(
        value,
        right,
        "sensors",
        relative=0.0,
        absolute=0.01,
        mistakes=mistakes,
        hint="What does one sensor save, and how often is the server paid?",
    )
    whole_number_in(sensors, "sensors")
    return f"each sensor saves {DEVICE_PRICE - LINK_PRICE}, and after {right} of them the server is paid. Your prices give another number."


@exercise("10.3")
def judge_place(load: object, place: object) -> str:
    """Utilisation, and on the device or on a server."""
    right = utilisation(CAMERAS, FRAME_RATE, SERVICE_MS)
    expect_close(
        load, right, "load", relative=0.01,
        mistakes={
            "that is in percent; 1 is a server that is always busy.": 100 * right,
            "that is one camera's; there are eight.": right / CAMERAS,
            "those are frames a second; how long does each keep the server busy?": CAMERAS * FRAME_RATE,
            "12 ms are 0.012 s.": 1000 * right,
            "that is its reciprocal.": 1 / right,
        },
        hint="Frames of all cameras in a second, times the seconds each takes the server.",
    )  # fmt: skip
    if text_in(place, "place", ("server", "devices")) == "server":
        most = most_sensors(FRAME_RATE, SERVICE_MS, NETWORK_MS, LIMIT_MS)
        raise NotYet(
            f"place is 'server': at a load above 1 its line grows without end, and no answer is in time. One server takes {most} of these."
        )
    return "above 1 the line grows without end, whatever the prices. Fewer frames, a faster server, or several would be the other ways out."


@exercise("10.4")
def judge_larger_model(seconds: object) -> str:
    """Seconds per token of a model of 1.7 thousand million parameters, streamed."""
    slow, fast = STREAMING_MB_S["usb3"]
    low, high = PARAMETERS / (fast * 1e6), PARAMETERS / (slow * 1e6)
    value = number_in(seconds, "seconds")
    if low * 0.98 <= value <= high * 1.02:
        return f"{low:.1f} to {high:.1f} s for each token: about three times Qwen3-0.6B, since every weight has to cross the bus once."
    for factor, sentence in (
        (1e-3, "that is a thousand times too short: MB/s are 1e6 bytes a second."),
        (1e3, "that is a thousand times too long: are these milliseconds?"),
        (4, "that is for float32; in int8 a parameter takes one byte."),
        (2, "that is for 16-bit numbers; in int8 a parameter takes one byte."),
    ):
        if factor * low * 0.98 <= value <= factor * high * 1.02:
            raise NotYet(f"seconds is {value:g}: {sentence}")
    if 0.98 / high <= value <= 1.02 / low:
        raise NotYet(f"seconds is {value:g}: that is tokens a second; seconds a token are asked for.")
    raise NotYet(
        f"seconds is {value:g}, which is too {'long' if value > high else 'short'}. How many bytes are streamed, and how many a second?"
    )
