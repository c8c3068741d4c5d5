package main

import (
	"context"
	"fmt"
	"slices"

	pb "buf.build/gen/go/coreweave/inference/protocolbuffers/go/coreweave/inference/v1alpha1"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func (s *session) createClaim(ctx context.Context) (*pb.CapacityClaim, error) {
	parameters, err := call(ctx, s, "GetCapacityClaimParameters", s.claims.GetCapacityClaimParameters,
		&pb.GetCapacityClaimParametersRequest{})
	if err != nil {
		return nil, err
	}
	var zones []string
	for zone := range parameters.GetZoneInstanceTypes() {
		zones = append(zones, zone)
	}
	if len(zones) == 0 {
		return nil, fmt.Errorf("no zone to claim capacity in")
	}
	slices.Sort(zones)
	request := &pb.CreateCapacityClaimRequest{
		Id:   newID(),
		Name: "go-claim-" + s.protocol,
		Resources: &pb.CapacityClaimResources{
			InstanceId:    parameters.GetZoneInstanceTypes()[zones[0]].GetInstanceIds()[0],
			InstanceCount: 1,
			CapacityType:  pb.CapacityType_CAPACITY_TYPE_MANAGED,
			Zones:         zones[:1],
		},
	}

	invalid := proto.CloneOf(request)
	invalid.Resources.CapacityType = pb.CapacityType_CAPACITY_TYPE_UNSPECIFIED
	bad, err := callFails[*errdetails.BadRequest](ctx, s, "CreateCapacityClaim", s.claims.CreateCapacityClaim,
		invalid, connect.CodeInvalidArgument)
	if err != nil {
		return nil, err
	}
	if err := violates(bad, "resources.capacity_type"); err != nil {
		return nil, err
	}

	created, err := call(ctx, s, "CreateCapacityClaim", s.claims.CreateCapacityClaim, request)
	if err != nil {
		return nil, err
	}
	claim := created.GetCapacityClaim()
	if claim.GetSpec().GetId() != request.GetId() || !proto.Equal(claim.GetSpec().GetResources(), request.GetResources()) {
		return nil, fmt.Errorf("CreateCapacityClaim: %v was asked for, got %v", request, claim.GetSpec())
	}
	again, err := callFails[*errdetails.ResourceInfo](ctx, s, "CreateCapacityClaim", s.claims.CreateCapacityClaim,
		request, connect.CodeAlreadyExists)
	if err != nil {
		return nil, err
	}
	if again.GetResourceName() == "" || again.GetResourceType() == "" {
		return nil, fmt.Errorf("CreateCapacityClaim: empty ResourceInfo %v", again)
	}
	if err := s.missingClaim(ctx); err != nil {
		return nil, err
	}
	claim, err = s.readyClaim(ctx, request.GetId())
	if err != nil {
		return nil, err
	}
	if claim.GetStatus().GetAllocatedInstances() != 1 {
		return nil, fmt.Errorf("READY claim of 1 instance has %d allocated", claim.GetStatus().GetAllocatedInstances())
	}
	return claim, listedAfter(claim.GetStatus().GetUpdatedAt(), func(after *timestamppb.Timestamp) (bool, error) {
		list, err := call(ctx, s, "ListCapacityClaims", s.claims.ListCapacityClaims,
			&pb.ListCapacityClaimsRequest{UpdatedAfter: after})
		return slices.ContainsFunc(list.GetCapacityClaims(), func(c *pb.CapacityClaim) bool { return proto.Equal(c, claim) }), err
	})
}

func (s *session) missingClaim(ctx context.Context) error {
	id := newID()
	missing, err := callFails[*errdetails.ResourceInfo](ctx, s, "GetCapacityClaim", s.claims.GetCapacityClaim,
		&pb.GetCapacityClaimRequest{Id: id}, connect.CodeNotFound)
	if err == nil && missing.GetResourceName() != id {
		err = fmt.Errorf("GetCapacityClaim: ResourceInfo names %q instead of %q", missing.GetResourceName(), id)
	}
	return err
}

func (s *session) getClaim(ctx context.Context, id string) func() (*pb.GetCapacityClaimResponse, error) {
	return func() (*pb.GetCapacityClaimResponse, error) {
		return call(ctx, s, "GetCapacityClaim", s.claims.GetCapacityClaim, &pb.GetCapacityClaimRequest{Id: id})
	}
}

func (s *session) readyClaim(ctx context.Context, id string) (*pb.CapacityClaim, error) {
	response, err := until(ctx, s, s.getClaim(ctx, id), func(r *pb.GetCapacityClaimResponse, err error) (bool, error) {
		return ready(r.GetCapacityClaim().GetStatus().GetStatus(), err)
	})
	return response.GetCapacityClaim(), err
}

func (s *session) updateClaim(ctx context.Context, before *pb.CapacityClaim) error {
	resources := proto.CloneOf(before.GetSpec().GetResources())
	resources.InstanceCount = 2
	id := before.GetSpec().GetId()
	response, err := call(ctx, s, "UpdateCapacityClaim", s.claims.UpdateCapacityClaim,
		&pb.UpdateCapacityClaimRequest{Id: id, Resources: resources})
	if err != nil {
		return err
	}
	if !proto.Equal(response.GetCapacityClaim().GetSpec().GetResources(), resources) {
		return fmt.Errorf("UpdateCapacityClaim: expected %v, got %v", resources, response.GetCapacityClaim().GetSpec())
	}
	after, err := s.readyClaim(ctx, id)
	if err != nil {
		return err
	}
	return later(before.GetStatus().GetUpdatedAt(), after.GetStatus().GetUpdatedAt())
}

func (s *session) deleteClaim(ctx context.Context, id string) error {
	response, err := call(ctx, s, "DeleteCapacityClaim", s.claims.DeleteCapacityClaim,
		&pb.DeleteCapacityClaimRequest{Id: id})
	if err != nil {
		return err
	}
	if response.GetCapacityClaim().GetSpec().GetId() != id {
		return fmt.Errorf("DeleteCapacityClaim: answered with another claim: %v", response)
	}
	_, err = until(ctx, s, s.getClaim(ctx, id), func(_ *pb.GetCapacityClaimResponse, err error) (bool, error) {
		return gone(err)
	})
	return err
}
