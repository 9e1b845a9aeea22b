"""`python -m tests.golden`: measure every face and renew table.toml; see __init__.py beside this file."""

from __future__ import annotations

from . import differences, every_face, measure, read, renewed, write


def main() -> None:
    """Write the table and say which rows changed."""
    table = read()
    for name, load in every_face().items():
        pinned = table.get(name, {})
        rows = measure(load())
        changed = differences(pinned, rows)
        print(f"{name}: {len(rows)} shapes, {len(changed)} changed")
        for sentence in changed.values():
            print(f"  {sentence}")
        table[name] = renewed(pinned, rows)
    write(table)


if __name__ == "__main__":
    main()
