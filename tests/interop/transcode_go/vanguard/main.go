// Command vanguard serves every service of a descriptor set through vanguard-go, with a backend
// that answers with its request. The header X-Service says which service a request is for.
// It prints its address, then a line for each service that vanguard refuses, then an empty line,
// and ends when standard input does.
package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path"
	"strings"

	"connectrpc.com/connect"
	"connectrpc.com/vanguard"
	_ "google.golang.org/genproto/googleapis/rpc/errdetails" // so that details can be written
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Numbers of the fields of Request that demand a failure: name "fail", data a google.rpc.Status.
const (
	nameField = 2
	dataField = 24
)

func echo(response http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		http.Error(response, err.Error(), http.StatusBadRequest)
		return
	}
	if encoded := demandedFailure(body); encoded != nil {
		fail(response, encoded)
		return
	}
	response.Header().Set("Content-Type", "application/proto")
	response.Header().Set("Method", path.Base(request.URL.Path))
	_, _ = response.Write(body)
}

func demandedFailure(body []byte) []byte {
	var name, data []byte
	for len(body) > 0 {
		number, kind, size := protowire.ConsumeTag(body)
		if size < 0 {
			return nil
		}
		body = body[size:]
		length := protowire.ConsumeFieldValue(number, kind, body)
		if length < 0 {
			return nil
		}
		if kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(body)
			switch number {
			case nameField:
				name = value
			case dataField:
				data = value
			}
		}
		body = body[length:]
	}
	if string(name) != "fail" {
		return nil
	}
	return data
}

// fail answers as the Connect protocol does, https://connectrpc.com/docs/protocol/#error-end-stream.
func fail(response http.ResponseWriter, encoded []byte) {
	var wanted status.Status
	if err := proto.Unmarshal(encoded, &wanted); err != nil {
		http.Error(response, err.Error(), http.StatusInternalServerError)
		return
	}
	details := []map[string]any{}
	for _, detail := range wanted.GetDetails() {
		details = append(details, map[string]any{
			"type":  strings.TrimPrefix(detail.GetTypeUrl(), "type.googleapis.com/"),
			"value": base64.RawStdEncoding.EncodeToString(detail.GetValue()),
		})
	}
	response.Header().Set("Content-Type", "application/json")
	response.WriteHeader(http.StatusInternalServerError)
	_ = json.NewEncoder(response).Encode(map[string]any{
		"code": connect.Code(wanted.GetCode()).String(), "message": wanted.GetMessage(), "details": details,
	})
}

// strict differs from vanguard's own codec, which writes defaults, an unset Value as null, and
// skips unknown fields.
func strict(resolver vanguard.TypeResolver) vanguard.Codec {
	return vanguard.JSONCodec{
		MarshalOptions:   protojson.MarshalOptions{Resolver: resolver},
		UnmarshalOptions: protojson.UnmarshalOptions{Resolver: resolver},
	}
}

func main() {
	packed, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var set descriptorpb.FileDescriptorSet
	if err := proto.Unmarshal(packed, &set); err != nil {
		log.Fatal(err)
	}
	files, err := protodesc.NewFiles(&set)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr())
	handlers := map[string]http.Handler{}
	files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			described := vanguard.NewServiceWithSchema(
				service,
				http.HandlerFunc(echo),
				vanguard.WithTargetProtocols(vanguard.ProtocolConnect),
				vanguard.WithTargetCodecs(vanguard.CodecProto),
				vanguard.WithNoTargetCompression(),
			)
			transcoder, err := vanguard.NewTranscoder([]*vanguard.Service{described}, vanguard.WithCodec(strict))
			if err != nil {
				fmt.Println(service.Name(), strings.ReplaceAll(err.Error(), "\n", " "))
				continue
			}
			handlers[string(service.Name())] = transcoder
		}
		return true
	})
	fmt.Println()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		handler, found := handlers[request.Header.Get("X-Service")]
		if !found {
			http.Error(response, "no such service", http.StatusTeapot)
			return
		}
		handler.ServeHTTP(response, request)
	})))
}
