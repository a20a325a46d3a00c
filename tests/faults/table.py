"""Writes the table of faults of docs/reliability.md: `make faults-table`."""

import json
import sys

HEAD = """\
| fault | trainings begun again | trials failed | seconds |
|---|---|---|---|"""


def table(lines):
    """The table in Markdown, from the lines that the tests have written."""
    rows = [json.loads(line) for line in lines]
    return "\n".join(
        [HEAD]
        + [
            f"| {row['fault']} | {row['again']} | {row['failed']} | {row['seconds']:.2f} |"
            for row in rows
        ]
    )


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(table(file) + "\n")
