package main

import (
	"context"
	"fmt"
	"time"

	pb "buf.build/gen/go/coreweave/inference/protocolbuffers/go/coreweave/inference/v1alpha1"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// lifecycle runs all steps. A failed step ends the run and leaves its resources behind.
func (s *session) lifecycle(ctx context.Context) error {
	if _, err := call(ctx, s, "ListGateways", s.anonymous.ListGateways,
		&pb.ListGatewaysRequest{}); connect.CodeOf(err) != connect.CodeUnauthenticated {
		return fmt.Errorf("without a token expected unauthenticated, got: %w", err)
	}
	claim, err := s.createClaim(ctx)
	if err != nil {
		return err
	}
	gateway, err := s.createGateway(ctx, claim.GetSpec().GetResources().GetZones())
	if err != nil {
		return err
	}
	deployment, err := s.createDeployment(ctx, gateway)
	if err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return s.updateDeployment(ctx, deployment) },
		func() error { return s.updateGateway(ctx, gateway) },
		func() error { return s.updateClaim(ctx, claim) },
		func() error { return s.refuseToDeleteUsed(ctx, gateway) },
		func() error { return s.deleteDeployment(ctx, deployment.GetSpec().GetId()) },
		func() error { return s.deleteGateway(ctx, gateway.GetSpec().GetId()) },
		func() error { return s.deleteClaim(ctx, claim.GetSpec().GetId()) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// violates checks that a field is among the violations.
func violates(bad *errdetails.BadRequest, field string) error {
	for _, violation := range bad.GetFieldViolations() {
		if violation.GetField() == field && violation.GetDescription() != "" {
			return nil
		}
	}
	return fmt.Errorf("expected a violation of %s, got %v", field, bad)
}

// listedAfter checks that a list leaves out a resource updated at the given instant and has one that was
// updated a nanosecond later.
func listedAfter(updated *timestamppb.Timestamp, lists func(after *timestamppb.Timestamp) (bool, error)) error {
	for _, step := range []struct {
		after time.Time
		found bool
	}{
		{updated.AsTime(), false},
		{updated.AsTime().Add(-time.Nanosecond), true},
	} {
		found, err := lists(timestamppb.New(step.after))
		if err != nil {
			return err
		}
		if found != step.found {
			return fmt.Errorf("updated at %v, list after %v: expected %v, got %v", updated.AsTime(), step.after, step.found, found)
		}
	}
	return nil
}

// later checks that an update moved the time of the last change.
func later(before, after *timestamppb.Timestamp) error {
	if !after.AsTime().After(before.AsTime()) {
		return fmt.Errorf("expected updated_at after %v, got %v", before.AsTime(), after.AsTime())
	}
	return nil
}
