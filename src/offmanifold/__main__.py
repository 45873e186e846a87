"""`python -m offmanifold`, the same as `offmanifold`."""

from offmanifold.cli.main import entry

if __name__ == "__main__":
    entry()
