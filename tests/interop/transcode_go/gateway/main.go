// Command gateway serves every service of the generated package through grpc-gateway, with a
// backend that answers with its request. The header X-Service says which service a request is for.
// It prints its address and ends when standard input does.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // so that details can be written
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"transcode/gen"
)

type echo struct{}

func (echo) Invoke(_ context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	request := args.(proto.Message)
	if encoded := demandedFailure(request); encoded != nil {
		wanted, err := gen.Status(encoded)
		if err != nil {
			return err
		}
		return status.FromProto(wanted).Err()
	}
	proto.Merge(reply.(proto.Message), request)
	for _, option := range options {
		if header, ok := option.(grpc.HeaderCallOption); ok {
			*header.HeaderAddr = metadata.Pairs("method", path.Base(method))
		}
	}
	return nil
}

func (echo) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, fmt.Errorf("no streams here")
}

// demandedFailure returns the bytes of the field "data" where "name" is "fail".
func demandedFailure(request proto.Message) []byte {
	message := request.ProtoReflect()
	fields := message.Descriptor().Fields()
	name, data := fields.ByName("name"), fields.ByName("data")
	if name == nil || data == nil || message.Get(name).String() != "fail" {
		return nil
	}
	return message.Get(data).Bytes()
}

// Without it defaults are written, an unset Value as null, and unknown fields are skipped.
var strict = runtime.WithMarshalerOption(runtime.MIMEWildcard, &runtime.JSONPb{
	MarshalOptions:   protojson.MarshalOptions{EmitUnpopulated: false},
	UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
})

// The default decodes a whole path before it looks for segments.
var unescaping = runtime.WithUnescapingMode(runtime.UnescapingModeAllExceptReserved)

func main() {
	muxes := map[string]*runtime.ServeMux{}
	for name, register := range gen.Register {
		mux := runtime.NewServeMux(strict, unescaping)
		if err := register(context.Background(), mux, echo{}); err != nil {
			log.Fatalf("%s: %v", name, err)
		}
		muxes[name] = mux
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		muxes[request.Header.Get("X-Service")].ServeHTTP(response, request)
	})))
}
