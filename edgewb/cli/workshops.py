"""The commands for whoever prepares a room: `workshop check` and `workshop bundle`."""

from __future__ import annotations

import argparse
import sys

from edgewb.cli.streams import DONE, NO, print_json


def check(arguments: argparse.Namespace) -> int:
    from edgewb.courses.workshops import check_room

    found = check_room()
    print_json(found) if arguments.json else print(found)
    return DONE if found.ready else NO


def bundle(arguments: argparse.Namespace) -> int:
    from edgewb.courses.bundling import make_bundle

    made = make_bundle(
        arguments.out,
        platform=arguments.platform,
        python=arguments.python_version,
        training=not arguments.without_training,
        dry_run=arguments.dry_run,
        tell=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print_json(made) if arguments.json else print(made)
    return DONE
