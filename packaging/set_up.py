"""What `make` runs first: set_up.py [--with-this-python] run|test|unchanged|lock. For old Pythons to read as well."""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWER = ("python3.13", "python3.12", "python3.11", "python3.14")


def _another() -> str:
    """A newer Python of this machine, or ""."""
    found = filter(None, map(shutil.which, NEWER))
    return next(
        (path for path in found if subprocess.call([path, "-c", ""], stderr=subprocess.DEVNULL) == 0), ""
    )


def _main() -> int:
    if sys.version_info >= OLDEST:
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - PYTHONSAFEPATH leaves it out
        from python_env.main import main  # noqa: PLC0415 - older ones could not read it

        return main(sys.argv[1:])
    another = "" if "--with-this-python" in sys.argv else _another()
    if another:
        os.execv(another, [another] + sys.argv)  # noqa: RUF005, S606
    sys.stderr.write(
        "error: voicegw needs Python 3.11 or newer; {} is {}.{}\n"
        "install one, and say which: make run PYTHON=python3.12\n".format(
            sys.executable, *sys.version_info[:2]
        )
    )
    return 1


if __name__ == "__main__":
    sys.exit(_main())
