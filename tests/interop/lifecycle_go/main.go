// Command lifecycle runs the whole life of a capacity claim, a gateway and a deployment through the
// official Go Connect client of the CoreWeave Inference API, once over each of the protocols that
// connect-go speaks: Connect, gRPC and gRPC-Web.
//
// It creates and deletes resources, so point it at an emulator:
//
//	lifecycle -endpoint http://127.0.0.1:8080 -token CW-SECRET-...
//
// It prints one line per call: protocol, method, outcome, milliseconds. An expected error is an outcome
// like any other. It exits with 0 if everything was as expected, with 1 if not, with 2 if it was called
// wrongly.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect"
)

// protocols are run in this order.
var protocols = []struct {
	name    string
	options []connect.ClientOption
}{
	{"connect", nil},
	{"grpc", []connect.ClientOption{connect.WithGRPC()}},
	{"grpc-web", []connect.ClientOption{connect.WithGRPCWeb()}},
}

func main() {
	endpoint := flag.String("endpoint", "", "URL of the server, http or https")
	token := flag.String("token", "", "token of a user who may write")
	ca := flag.String("ca", "", "PEM file of the certificate authority of an https server; default: the system's")
	only := flag.String("protocol", "", "run one protocol: connect, grpc or grpc-web")
	wait := flag.Duration("wait", 30*time.Second, "how long a resource may take to be READY, or gone")
	flag.Parse()
	if *endpoint == "" || *token == "" || flag.NArg() != 0 {
		fmt.Fprintln(os.Stderr, "lifecycle: -endpoint and -token are required")
		flag.Usage()
		os.Exit(2)
	}

	authorities, err := readAuthorities(*ca)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lifecycle:", err)
		os.Exit(2)
	}

	failed, ran := false, false
	for _, protocol := range protocols {
		if *only != "" && *only != protocol.name {
			continue
		}
		ran = true
		client := httpClient(*endpoint, protocol.name, authorities)
		s := newSession(protocol.name, client, *endpoint, *token, *wait, protocol.options)
		if err := s.lifecycle(context.Background()); err != nil {
			failed = true
			fmt.Printf("%s FAILED: %v\n", protocol.name, err)
		}
	}
	if !ran {
		fmt.Fprintf(os.Stderr, "lifecycle: unknown protocol %q: connect, grpc and grpc-web are known\n", *only)
		os.Exit(2)
	}
	if failed {
		os.Exit(1)
	}
}

// httpClient returns a client that follows no redirects. gRPC needs HTTP/2, without TLS by prior
// knowledge; the other two are kept on HTTP/1.1, so that both versions of HTTP are used.
func httpClient(endpoint, protocol string, authorities *x509.CertPool) *http.Client {
	versions := new(http.Protocols)
	switch {
	case protocol != "grpc":
		versions.SetHTTP1(true)
	case strings.HasPrefix(endpoint, "https:"):
		versions.SetHTTP2(true)
	default:
		versions.SetUnencryptedHTTP2(true)
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			Protocols:       versions,
			TLSClientConfig: &tls.Config{RootCAs: authorities},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}
}

// readAuthorities returns nil, which is the system's, if no file is named.
func readAuthorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate found", file)
	}
	return pool, nil
}
