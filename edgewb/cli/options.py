"""Options that belong together: what several commands share, and what one has many of."""

from __future__ import annotations

import argparse

from edgewb.cli.arguments import count_reader, read_minutes, read_path, read_pool, read_port, read_range, read_token
from edgewb.types import Task


def add_host_options(parser: argparse.ArgumentParser, name: str, what: str) -> None:
    """Which computer an estimate is for; ``name`` is the option's, ``what`` its help."""
    parser.add_argument(name, default="desktop", metavar="H", help=what)
    parser.add_argument("--bus", metavar="B", help="usb3, usb2 or pcie (default: the usual one of the host)")
    parser.add_argument("--clock", default="max", metavar="C", help="max (500 MHz) or std (250 MHz) (default max)")


def add_task_option(parser: argparse.ArgumentParser) -> None:
    """Classes or a regression."""
    parser.add_argument(
        "--task", choices=[str(task) for task in Task], help="what the y of an .npz is (default: classes if all of it is whole numbers)"
    )


def add_split_options(parser: argparse.ArgumentParser) -> None:
    """How the examples of a data set become a model's inputs, and which of them are the test split."""
    add_task_option(parser)
    parser.add_argument(
        "--input-range",
        type=read_range,
        metavar="LOW,HIGH",
        help="what black and white are for the model (default: as recorded when edgewb made the file, else 0,1)",
    )
    parser.add_argument(
        "--seed", type=int, help="of the splits: the one it was trained with (default: as recorded when edgewb made the file, else 0)"
    )


def add_meter_options(parser: argparse.ArgumentParser, idle_seconds: int) -> None:
    """A meter, and for how long it is read beside a model that idles."""
    parser.add_argument(
        "--meter",
        metavar="COMMAND|FILE",
        help="what yields watts: a command that prints numbers, a file with one, a growing log time,watts; rapl: the processor's counters",
    )
    parser.add_argument("--meter-unit", metavar="U", help="of the meter: W, mW or uW (default W; uW for hwmon's power*_input)")
    parser.add_argument(
        "--idle", type=float, metavar="S", help=f"with a meter: seconds of idling measured before the calls (default {idle_seconds})"
    )


def add_energy_options(parser: argparse.ArgumentParser) -> None:
    """A meter, and how energy is measured with it."""
    add_meter_options(parser, 10)
    parser.add_argument("--protocol", metavar="P", help="sustained (idle, warm, steady) or extremes (the same at the --ambient you state)")
    parser.add_argument("--warm", type=float, metavar="S", help="with a protocol: seconds of calls before the sample (default 10)")
    parser.add_argument("--ambient", type=float, metavar="C", help="degrees Celsius around the device, as you read them")


def add_dashboard_options(parser: argparse.ArgumentParser) -> None:
    """Where a dashboard listens, whom it lets in, what it does for them."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="explorer, inspector or live (default: the page that lists them)")
    parser.add_argument(
        "--port", type=read_port, default=8866, metavar="P", help="where it listens; when taken, the next that is free (8866)"
    )
    parser.add_argument("--ip", default="127.0.0.1", metavar="A", help="the address it listens on; 0.0.0.0 for others, too (127.0.0.1)")
    parser.add_argument(
        "--pool",
        type=read_pool,
        metavar="N",
        help="pages of each dashboard kept ready (auto: 1 to 12, by free memory and --visitors; each takes some 30 MB)",
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument(
        "--token",
        nargs="?",
        const="",
        type=read_token,
        metavar="TOKEN",
        help="ask visitors for a token; without TOKEN one is made (default: EDGEWB_DASHBOARD_TOKEN, else none is asked for)",
    )
    parser.add_argument("--base-url", type=read_path, default="/", metavar="PATH", help="the path under which a proxy offers it (/)")
    parser.add_argument(
        "--hostname", action="append", default=[], metavar="NAME", help='the name under which a proxy offers it; "*" for any'
    )
    parser.add_argument(
        "--idle", type=read_minutes, default=30.0, metavar="MINUTES", help="after which a page nobody looks at loses its kernel (30)"
    )
    parser.add_argument("--visitors", type=count_reader(1, 1000), metavar="MAX", help="at once (default: what the free memory holds)")
    parser.add_argument("--trusted", action="store_true", help="run the models visitors bring: for a room of people you trust")
    parser.add_argument("--verbose", action="store_true", help="tell of every visit")


def add_study_options(parser: argparse.ArgumentParser) -> None:
    """What every study is asked for."""
    parser.add_argument(
        "--budget",
        type=float,
        default=1.0,
        metavar="POINTS",
        help="accuracy you can lose, in points (default 1.0; another one has a report of its own)",
    )
    parser.add_argument("--out", metavar="DIR", help="where models and report.html go (report-budget0.5.html for a budget of 0.5)")
    parser.add_argument("--seed", type=int, default=0, help="of the splits and of the training (default 0)")
