package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	inference "buf.build/gen/go/coreweave/inference/connectrpc/go/coreweave/inference/v1alpha1/inferencev1alpha1connect"
	pb "buf.build/gen/go/coreweave/inference/protocolbuffers/go/coreweave/inference/v1alpha1"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
)

const (
	callTimeout  = 10 * time.Second
	pollInterval = 20 * time.Millisecond
)

// session is one run over one protocol.
type session struct {
	protocol    string
	wait        time.Duration
	claims      inference.CapacityClaimServiceClient
	gateways    inference.GatewayServiceClient
	deployments inference.DeploymentServiceClient
	// anonymous sends no token.
	anonymous inference.GatewayServiceClient
}

func newSession(
	protocol string, client *http.Client, endpoint, token string, wait time.Duration, options []connect.ClientOption,
) *session {
	authorized := append([]connect.ClientOption{connect.WithInterceptors(bearer(token))}, options...)
	return &session{
		protocol:    protocol,
		wait:        wait,
		claims:      inference.NewCapacityClaimServiceClient(client, endpoint, authorized...),
		gateways:    inference.NewGatewayServiceClient(client, endpoint, authorized...),
		deployments: inference.NewDeploymentServiceClient(client, endpoint, authorized...),
		anonymous:   inference.NewGatewayServiceClient(client, endpoint, options...),
	}
}

// bearer adds the token to each call.
func bearer(token string) connect.UnaryInterceptorFunc {
	return func(next connect.UnaryFunc) connect.UnaryFunc {
		return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
			request.Header().Set("Authorization", "Bearer "+token)
			return next(ctx, request)
		}
	}
}

// method is a method of a generated client.
type method[Req, Res any] func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error)

// call makes one call and prints its line.
func call[Req, Res any](
	ctx context.Context, s *session, name string, do method[Req, Res], request *Req,
) (*Res, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	start := time.Now()
	response, err := do(ctx, connect.NewRequest(request))
	outcome := "ok"
	if err != nil {
		outcome = connect.CodeOf(err).String()
	}
	fmt.Printf("%s %s %s %.1f\n", s.protocol, name, outcome, float64(time.Since(start).Microseconds())/1000)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return response.Msg, nil
}

// callFails makes a call that has to fail with this code, and returns its one detail of type D.
func callFails[D proto.Message, Req, Res any](
	ctx context.Context, s *session, name string, do method[Req, Res], request *Req, code connect.Code,
) (D, error) {
	var none D
	_, err := call(ctx, s, name, do, request)
	if err == nil {
		return none, fmt.Errorf("%s: expected %v, got an answer", name, code)
	}
	var failure *connect.Error
	if !errors.As(err, &failure) || failure.Code() != code {
		return none, fmt.Errorf("expected %v, got: %w", code, err)
	}
	if !connect.IsWireError(err) {
		return none, fmt.Errorf("%v was made by the client, not sent by the server: %w", code, err)
	}
	var found []D
	for _, detail := range failure.Details() {
		message, err := detail.Value()
		if err != nil {
			return none, fmt.Errorf("%s: detail %s: %w", name, detail.Type(), err)
		}
		if typed, ok := message.(D); ok {
			found = append(found, typed)
		}
	}
	if len(found) != 1 {
		return none, fmt.Errorf("%s: expected one detail of type %T, got %d in %v", name, none, len(found), failure.Details())
	}
	return found[0], nil
}

// until polls get every pollInterval until done says so.
func until[Res any](
	ctx context.Context, s *session, get func() (*Res, error), done func(*Res, error) (bool, error),
) (*Res, error) {
	deadline := time.Now().Add(s.wait)
	for {
		response, err := get()
		if ok, err := done(response, err); ok || err != nil {
			return response, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("not done after %v: last answer %v, %v", s.wait, response, err)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollInterval):
		}
	}
}

// ready says whether a resource is READY; ERROR and FAILED end the wait.
func ready(status pb.Status, err error) (bool, error) {
	switch {
	case err != nil:
		return false, err
	case status == pb.Status_STATUS_ERROR || status == pb.Status_STATUS_FAILED:
		return false, fmt.Errorf("resource ended in %v", status)
	}
	return status == pb.Status_STATUS_READY, nil
}

// gone says whether a read failed because the resource does not exist any more.
func gone(err error) (bool, error) {
	if err == nil {
		return false, nil
	}
	if connect.CodeOf(err) == connect.CodeNotFound {
		return true, nil
	}
	return false, err
}

// newID returns a random UUID, version 4.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
