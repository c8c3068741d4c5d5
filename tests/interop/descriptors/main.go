// Command descriptors writes the descriptors inside the official Go module of the CoreWeave Inference
// API to standard output, as one google.protobuf.FileDescriptorSet without imports, sorted by name.
//
// They are what that module's generated code was built from, so they say what the API's owner
// published, whatever our own protos say.
package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	// Imported for its effect: it registers the descriptors of the whole package.
	_ "buf.build/gen/go/coreweave/inference/protocolbuffers/go/coreweave/inference/v1alpha1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

const protoPackage = protoreflect.FullName("coreweave.inference.v1alpha1")

func main() {
	set := &descriptorpb.FileDescriptorSet{}
	protoregistry.GlobalFiles.RangeFilesByPackage(protoPackage, func(file protoreflect.FileDescriptor) bool {
		set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
		return true
	})
	slices.SortFunc(set.File, func(a, b *descriptorpb.FileDescriptorProto) int {
		return strings.Compare(a.GetName(), b.GetName())
	})
	encoded, err := proto.Marshal(set)
	if err == nil {
		_, err = os.Stdout.Write(encoded)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "descriptors:", err)
		os.Exit(1)
	}
}
