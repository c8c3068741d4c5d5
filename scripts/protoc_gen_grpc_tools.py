"""A protoc plugin around the generators built into grpcio-tools.

Its options name them: `python` writes `_pb2.py`, `grpc_python` writes `_pb2_grpc.py`. The files
listed under `drop` in pyproject.toml are taken out of what the generators see, so that the runtime
descriptors in `_pb2.py` do not depend on them (docs/adr/0001).

grpcio-tools lives in an environment of its own, made here on first use: its version decides which
protobuf runtimes take the generated code, and it needs an older protobuf than the development
environment has.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from scripts.generate_settings import read_settings  # noqa: E402 - found through the path above
from scripts.strip_descriptors import without_files  # noqa: E402 - found through the path above

if TYPE_CHECKING:
    from collections.abc import Iterable

# The newest release whose gencode (5.29.0) protobuf 5.29, 6 and 7 all import without a warning;
# 1.72.2 and later raise VersionError on 5.29. setuptools: grpc_tools.protoc imports pkg_resources.
REQUIREMENTS = ("grpcio-tools==1.71.2", "grpcio==1.71.2", "protobuf==5.29.6", "setuptools==75.8.0")
GENERATORS = frozenset({"python", "grpc_python"})


def tools_python(root: Path = ROOT) -> Path:
    """Return the interpreter that has grpcio-tools, making its environment if need be.

    Raises:
        RuntimeError: The packages could not be installed.
    """
    folder = root / ".tools" / REQUIREMENTS[0].replace("==", "-")
    python = folder / "bin" / "python"
    stamp = folder / ".installed"
    wanted = "\n".join(REQUIREMENTS)
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w", encoding="utf-8") as lock:
        # Two runs at once must not fill the same folder; the lock ends with the process.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            print(f"making {folder.relative_to(root)}", file=sys.stderr)
            _install(folder, python)
            stamp.write_text(wanted, encoding="utf-8")
    return python


def _install(folder: Path, python: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    # Filled from outside: Debian splits off what `with_pip` needs.
    venv.create(folder, symlinks=True)
    command: list[str | Path] = [sys.executable, "-m", "pip", "--python", python, "install"]
    command += ["--disable-pip-version-check", "--quiet", "--only-binary=:all:", *REQUIREMENTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            f"cannot install {REQUIREMENTS[0]}, which has wheels for Python 3.9 to 3.13 (this is "
            f"{sys.version_info[0]}.{sys.version_info[1]}): {done.stderr.strip()}"
        )


def generate(
    request: CodeGeneratorRequest, *, python: Path, generators: Iterable[str]
) -> CodeGeneratorResponse:
    """Run the generators; what protoc finds wrong is the response's error."""
    response = CodeGeneratorResponse(
        supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    if not request.file_to_generate:
        return response
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "descriptors.binpb")
        out = Path(folder, "out")
        out.mkdir()
        descriptors.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
        command: list[str | Path] = [python, "-m", "grpc_tools.protoc"]
        command += [f"--descriptor_set_in={descriptors}"]
        command += [f"--{name}_out={out}" for name in generators]
        command += request.file_to_generate
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            response.error = done.stderr.strip()
            return response
        for path in sorted(path for path in out.rglob("*") if path.is_file()):
            response.file.add(
                name=path.relative_to(out).as_posix(), content=path.read_text(encoding="utf-8")
            )
    return response


def main() -> int:
    """Answer one request on stdin; return the exit code."""
    request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    generators = [word for word in request.parameter.split(",") if word]
    if not generators or not GENERATORS.issuperset(generators):
        message = f"expected the options {sorted(GENERATORS)} or one of them, got {generators}"
        response = CodeGeneratorResponse(error=message)
    else:
        try:
            python = tools_python()
        except RuntimeError as error:
            response = CodeGeneratorResponse(error=str(error))
        else:
            request = without_files(request, read_settings(ROOT).drop)
            response = generate(request, python=python, generators=generators)
    sys.stdout.buffer.write(response.SerializeToString())
    return 0


if __name__ == "__main__":
    sys.exit(main())
