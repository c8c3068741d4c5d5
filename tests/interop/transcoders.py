"""Foreign servers for google.api.http: grpc-gateway and vanguard-go, for the rules of the vectors.

Each rule becomes a service with a method that answers with its request, so that what a server
understood can be read off its answer. The services stand in one .proto made here; grpc-gateway
gets code generated from it, vanguard reads its descriptors.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.compiler import plugin_pb2

from tests.vectors.schema import PACKAGE, message_class

HERE: Final = Path(__file__).resolve().parent
_SCHEMA: Final = "schema.proto"
_PEERS: Final = "peers.proto"
_GO_OPTIONS: Final = f"paths=source_relative,M{_SCHEMA}=transcode/gen,M{_PEERS}=transcode/gen"
_VERBS: Final = ("get", "put", "post", "delete", "patch")


@dataclass
class Services:
    """The services of one test run, one for each set of rules."""

    file: Any = field(
        default_factory=lambda: descriptor_pb2.FileDescriptorProto(
            name=_PEERS,
            package="triwire.vectors.peers",
            syntax="proto3",
            dependency=[_SCHEMA, "google/api/annotations.proto"],
        )
    )
    names: dict[str, str] = field(default_factory=dict[str, str])

    def name(self, rules: list[dict[str, Any]], message: str = "Request") -> str:
        """Return the name of the service with a method for each rule, added if it is new."""
        key = json.dumps([rules, message])
        if key not in self.names:
            self.names[key] = f"S{len(self.names)}"
            service = self.file.service.add(name=self.names[key])
            kind = message if message.startswith(".") else f".{PACKAGE}.{message}"
            for number, rule in enumerate(rules):
                method = service.method.add(name=f"M{number}", input_type=kind, output_type=kind)
                method.options.Extensions[annotations_pb2.http].CopyFrom(http_rule(rule))
        return self.names[key]

    def template(self, template: str, fields: list[str]) -> str:
        """Return the name of a service for a template, whose message has just these fields."""
        name = f"T{len(self.names)}"
        self.names[json.dumps([template, fields])] = name
        _add_fields(self.file.message_type.add(name=f"{name}Message"), fields)
        kind = f".triwire.vectors.peers.{name}Message"
        service = self.file.service.add(name=name)
        method = service.method.add(name="M0", input_type=kind, output_type=kind)
        rule = http_rule({"verb": "GET", "template": template})
        method.options.Extensions[annotations_pb2.http].CopyFrom(rule)
        return name


def _add_fields(message: Any, paths: list[str]) -> None:
    below: dict[str, list[str]] = {}
    for path in paths:
        name, _, rest = path.partition(".")
        below.setdefault(name, []).append(rest)
    for number, (name, rests) in enumerate(below.items(), 1):
        added = message.field.add(name=name, number=number, label=1, type=9)
        if any(rests):
            nested = message.nested_type.add(name=f"Nested{number}")
            _add_fields(nested, [rest for rest in rests if rest])
            added.type, added.type_name = 11, nested.name


def http_rule(tree: dict[str, Any]) -> Any:
    """Return a rule of the vectors as google.api.HttpRule."""
    rule = http_pb2.HttpRule(body=tree.get("body", ""), response_body=tree.get("response_body", ""))
    verb = tree["verb"].lower()
    if verb in _VERBS:
        setattr(rule, verb, tree["template"])
    else:
        rule.custom.kind, rule.custom.path = tree["verb"], tree["template"]
    for more in tree.get("additional_bindings", ()):
        rule.additional_bindings.append(http_rule(more))
    return rule


def _files(peers: Any) -> list[Any]:
    """Return the file and all that it imports, dependencies first."""
    message_class("Request")
    pool = descriptor_pool.Default()
    found: dict[str, Any] = {}

    def collect(name: str) -> None:
        if name not in found:
            file = descriptor_pb2.FileDescriptorProto.FromString(
                pool.FindFileByName(name).serialized_pb
            )
            for dependency in file.dependency:
                collect(dependency)
            found[name] = file

    for dependency in peers.dependency:
        collect(dependency)
    return [*found.values(), peers]


class Toolchain:
    """Go programs for one set of services, built in a folder of their own.

    Args:
        go: Path of the go program.
        folder: Empty folder for a copy of the module, what is generated and the programs.
    """

    def __init__(self, go: str, folder: Path) -> None:
        self._go = go
        self._module = folder / "module"
        self.programs = folder / "programs"
        shutil.copytree(HERE / "transcode_go", self._module)

    def go(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run go in the module, with installed programs in `programs`."""
        return subprocess.run(
            [self._go, *arguments],
            cwd=self._module,
            env={**os.environ, "GOBIN": str(self.programs), "GOFLAGS": "-buildvcs=false"},
            capture_output=True,
            text=True,
            check=False,
        )

    def generate(self, plugin: str, file: Any, parameter: str = _GO_OPTIONS) -> str | None:
        """Run a plugin on a file; return why it refuses it, or None after writing its output."""
        request = plugin_pb2.CodeGeneratorRequest(
            file_to_generate=[_SCHEMA, file.name], parameter=parameter, proto_file=_files(file)
        )
        done = subprocess.run(
            [self.programs / plugin],
            input=request.SerializeToString(),
            capture_output=True,
            check=False,
        )
        if done.returncode != 0:
            return done.stderr.decode().strip() or f"exit code {done.returncode}"
        response = plugin_pb2.CodeGeneratorResponse.FromString(done.stdout)
        if response.error:
            return response.error
        for made in response.file:
            target = self._module / "gen" / made.name
            target.parent.mkdir(exist_ok=True)
            target.write_text(made.content)
        return None

    def build_gateway(self, services: Services) -> tuple[Path, dict[str, str]]:
        """Return the program and the services that grpc-gateway refuses, with its words."""
        refused: dict[str, str] = {}
        kept = descriptor_pb2.FileDescriptorProto()
        kept.CopyFrom(services.file)
        del kept.service[:]
        for service in services.file.service:
            alone = descriptor_pb2.FileDescriptorProto()
            alone.CopyFrom(kept)
            del alone.service[:]
            alone.service.add().CopyFrom(service)
            why = self.generate("protoc-gen-grpc-gateway", alone)
            if why is None and f"Register{service.name}Handler" not in self._generated():
                why = "generates nothing for it"
            if why is not None:
                refused[service.name] = why
            elif not service.name.startswith("T"):
                # A template alone is only generated: some end the program when it starts.
                kept.service.add().CopyFrom(service)
        for plugin in ("protoc-gen-go", "protoc-gen-go-grpc", "protoc-gen-grpc-gateway"):
            why = self.generate(plugin, kept)
            assert why is None, why
        register = "\n".join(
            f"\t{json.dumps(service.name)}: func(ctx context.Context, mux *runtime.ServeMux,"
            " conn grpc.ClientConnInterface) error {"
            f" return Register{service.name}HandlerClient(ctx, mux, New{service.name}Client(conn))"
            " },"
            for service in kept.service
        )
        (self._module / "gen" / "register.go").write_text(_REGISTER.replace("REGISTER", register))
        return self._build("gateway"), refused

    def _generated(self) -> str:
        """Return what grpc-gateway's plugin wrote last; for a file without rules it writes none."""
        written = self._module / "gen" / "peers.pb.gw.go"
        text = written.read_text() if written.exists() else ""
        written.unlink(missing_ok=True)
        return text

    def build_vanguard(self, services: Services) -> tuple[Path, Path]:
        """Return the program and the file with the descriptors that it reads."""
        described = self.programs / "peers.binpb"
        packed = descriptor_pb2.FileDescriptorSet(file=_files(services.file))
        described.write_bytes(packed.SerializeToString())
        return self._build("vanguard"), described

    def _build(self, name: str) -> Path:
        program = self.programs / name
        built = self.go("build", "-o", str(program), f"./{name}")
        assert built.returncode == 0, built.stderr
        return program


_REGISTER: Final = """package gen

import (
	"context"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// Register has a function for each service that puts it into a mux.
var Register = map[string]func(context.Context, *runtime.ServeMux, grpc.ClientConnInterface) error{
REGISTER
}

// Status reads a google.rpc.Status.
func Status(data []byte) (*status.Status, error) {
	var read status.Status
	return &read, proto.Unmarshal(data, &read)
}
"""
