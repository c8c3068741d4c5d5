"""Make the virtual environment, or name everything that this machine lacks for it.

Runs on the bare interpreter that the environment is made from, so it uses the standard library
only, and its syntax is one that Python 3.7 can read, to say that it is too old.

Exit codes: 0 the environment is there, 1 something is missing (all of it is listed on stderr, with
how to get it), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import ctypes
import ctypes.util
import importlib.util
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

MINIMUM = (3, 11)
# pip's `--python` option, which fills an environment from outside, came with 22.3:
# https://pip.pypa.io/en/stable/news/#v22-3
MINIMUM_OUTER_PIP = (22, 3)

TOOLS = {
    "go": "Go 1.24 or later: https://go.dev/dl, or `apt-get install golang`, `brew install go`",
    "node": (
        "Node.js 20 or later: https://nodejs.org, or `apt-get install nodejs npm`, "
        "`brew install node`"
    ),
    "npm": "npm: it comes with Node.js, on Debian as `apt-get install npm`",
    "git": "git: `apt-get install git`, `brew install git`",
    "curl": "curl: `apt-get install curl`, `brew install curl`",
}


def version_text() -> str:
    """Return the running interpreter's version as Debian's package names write it."""
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def lack_of_version() -> str | None:
    """Say if the interpreter is too old."""
    if sys.version_info[:2] >= MINIMUM:
        return None
    wanted = f"{MINIMUM[0]}.{MINIMUM[1]}"
    return (
        f"Python {wanted} or later; {sys.executable} is {version_text()}. Get one with "
        f"`apt-get install python{wanted}`, `brew install python`, `pyenv install {wanted}` or "
        f"`uv python install {wanted}`, then name it: `make PYTHON=/path/to/python{wanted} ...`"
    )


def outer_pip_works() -> bool:
    """Tell whether the interpreter itself has a pip that can fill another environment."""
    if importlib.util.find_spec("pip") is None:
        return False
    command = [sys.executable, "-m", "pip", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    words = done.stdout.split()
    try:
        major, minor = (int(part) for part in words[1].split(".")[:2])
    except (IndexError, ValueError):
        return False
    return (major, minor) >= MINIMUM_OUTER_PIP


def can_make_venv() -> bool:
    """Tell whether `python -m venv` can install pip by itself."""
    return all(importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip"))


def lack_of_venv() -> str | None:
    """Say if there is no way to make an environment with pip in it."""
    if can_make_venv() or (importlib.util.find_spec("venv") is not None and outer_pip_works()):
        return None
    return (
        f"the modules venv and ensurepip of {sys.executable}: on Debian and Ubuntu "
        f"`apt-get install python{version_text()}-venv`; Pythons of pyenv, uv, Homebrew and "
        f"python.org have them"
    )


def find_libpython() -> str | None:
    """Return the name or path of this interpreter's shared library, or None.

    Looks where the emulator's server (pyvoy, through find_libpython) looks: what the dynamic
    loader knows, then the folders named by the interpreter's own build.
    """
    suffix = ".dylib" if sys.platform == "darwin" else ".so"
    configured = (str(sysconfig.get_config_var(name)) for name in ("INSTSONAME", "LDLIBRARY"))
    names = [name for name in configured if suffix in name]
    names.append(f"libpython{version_text()}{suffix}")
    for name in names:
        try:
            ctypes.CDLL(name)
        except OSError:
            continue
        return name
    folders = [str(sysconfig.get_config_var(name)) for name in ("LIBPL", "LIBDIR")]
    folders += [
        str(Path(sys.base_exec_prefix, "lib")),
        str(Path(sys.executable).parents[1] / "lib"),
    ]
    for folder in folders:
        for name in names:
            if Path(folder, name).exists():
                return str(Path(folder, name))
    return ctypes.util.find_library(f"python{version_text()}")


def lack_of_libpython() -> str | None:
    """Say if the emulator's server could not load this interpreter."""
    if find_libpython() is not None:
        return None
    return (
        f"the shared library libpython{version_text()} of {sys.executable}, which the emulator's "
        f"server loads: on Debian and Ubuntu `apt-get install libpython{version_text()}`; with "
        f"pyenv `PYTHON_CONFIGURE_OPTS=--enable-shared pyenv install {version_text()}`; Pythons of "
        f"uv and Homebrew have it"
    )


def lack_of_platform() -> str | None:
    """Say if the emulator's server has no build for this system."""
    if sys.platform == "darwin" or platform.libc_ver()[0] == "glibc":
        return None
    library = platform.libc_ver()[0] or "another C library"
    return (
        f"a system that the emulator's server is built for: Linux with glibc or macOS; this is "
        f"{platform.system()} with {library}: use a container of a glibc distribution, such as "
        f"debian"
    )


def make_venv(folder: Path) -> None:
    """Create the environment, replacing a broken one.

    Without ensurepip (Debian splits it off) the interpreter's own pip installs pip into it.

    Raises:
        subprocess.CalledProcessError: A command failed; its own output has said why.
    """
    command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    if can_make_venv():
        subprocess.run(command, check=True)
        return
    subprocess.run([*command, "--without-pip"], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run(
        [sys.executable, "-m", "pip", "-q", "--python", python, "install", "pip"], check=True
    )


def report(lacks: list[str], purpose: str) -> int:
    """List what is missing; return the exit code."""
    if not lacks:
        return 0
    print(f"This machine lacks, for {purpose}:", file=sys.stderr)
    for lack in lacks:
        print(f"  - {lack}", file=sys.stderr)
    return 1


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Make the environment, or say what is missing.")
    parser.add_argument("--venv", type=Path, help="folder of the environment to make")
    parser.add_argument(
        "--tool",
        action="append",
        default=[],
        choices=sorted(TOOLS),
        help="only check that this program is there; may be repeated",
    )
    parser.add_argument("--purpose", default="this target", help="what the tools are wanted for")
    options = parser.parse_args()
    if options.tool:
        missing = [TOOLS[name] for name in options.tool if shutil.which(name) is None]
        return report(missing, options.purpose)
    if options.venv is None:
        parser.error("expected --venv FOLDER or --tool NAME")
    checks = [lack_of_version]
    if sys.version_info[:2] >= MINIMUM:
        checks += [lack_of_venv, lack_of_libpython, lack_of_platform]
    status = report([lack for lack in (check() for check in checks) if lack], "setting up")
    if status == 0:
        print(f"making {options.venv} from {sys.executable} ({platform.python_version()})")
        make_venv(options.venv)
    return status


if __name__ == "__main__":
    sys.exit(main())
