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

func (s *session) createGateway(ctx context.Context, zones []string) (*pb.Gateway, error) {
	parameters, err := call(ctx, s, "GetGatewayParameters", s.gateways.GetGatewayParameters,
		&pb.GetGatewayParametersRequest{})
	if err != nil {
		return nil, err
	}
	if !slices.Contains(parameters.GetZones(), zones[0]) {
		return nil, fmt.Errorf("GetGatewayParameters: the claim's zone %q is not among %v", zones[0], parameters.GetZones())
	}
	request := &pb.CreateGatewayRequest{
		Id:      newID(),
		Name:    "go-gateway-" + s.protocol,
		Zones:   zones,
		Auth:    &pb.CreateGatewayRequest_CoreWeaveAuth{CoreWeaveAuth: &pb.CoreWeaveAuth{}},
		Routing: bodyRouting(pb.BodyBasedRouting_API_TYPE_OPENAI),
	}

	invalid := proto.CloneOf(request)
	invalid.Routing = bodyRouting(pb.BodyBasedRouting_API_TYPE_UNSPECIFIED)
	bad, err := callFails[*errdetails.BadRequest](ctx, s, "CreateGateway", s.gateways.CreateGateway,
		invalid, connect.CodeInvalidArgument)
	if err != nil {
		return nil, err
	}
	if err := violates(bad, "body_based_routing.api_type"); err != nil {
		return nil, err
	}

	created, err := call(ctx, s, "CreateGateway", s.gateways.CreateGateway, request)
	if err != nil {
		return nil, err
	}
	spec := created.GetGateway().GetSpec()
	if spec.GetId() != request.GetId() || spec.GetCoreWeaveAuth() == nil ||
		spec.GetBodyBasedRouting().GetApiType() != pb.BodyBasedRouting_API_TYPE_OPENAI {
		return nil, fmt.Errorf("CreateGateway: %v was asked for, got %v", request, spec)
	}
	if _, err := callFails[*errdetails.ResourceInfo](ctx, s, "CreateGateway", s.gateways.CreateGateway,
		request, connect.CodeAlreadyExists); err != nil {
		return nil, err
	}
	if _, err := callFails[*errdetails.ResourceInfo](ctx, s, "GetGateway", s.gateways.GetGateway,
		&pb.GetGatewayRequest{Id: newID()}, connect.CodeNotFound); err != nil {
		return nil, err
	}
	gateway, err := s.readyGateway(ctx, request.GetId())
	if err != nil {
		return nil, err
	}
	if len(gateway.GetStatus().GetEndpoints()) == 0 {
		return nil, fmt.Errorf("READY gateway has no endpoints: %v", gateway)
	}
	return gateway, listedAfter(gateway.GetStatus().GetUpdatedAt(), func(after *timestamppb.Timestamp) (bool, error) {
		list, err := call(ctx, s, "ListGateways", s.gateways.ListGateways, &pb.ListGatewaysRequest{UpdatedAfter: after})
		return slices.ContainsFunc(list.GetItems(), func(g *pb.Gateway) bool { return proto.Equal(g, gateway) }), err
	})
}

func bodyRouting(kind pb.BodyBasedRouting_APIType) *pb.CreateGatewayRequest_BodyBasedRouting {
	return &pb.CreateGatewayRequest_BodyBasedRouting{BodyBasedRouting: &pb.BodyBasedRouting{ApiType: kind}}
}

func (s *session) getGateway(ctx context.Context, id string) func() (*pb.GetGatewayResponse, error) {
	return func() (*pb.GetGatewayResponse, error) {
		return call(ctx, s, "GetGateway", s.gateways.GetGateway, &pb.GetGatewayRequest{Id: id})
	}
}

func (s *session) readyGateway(ctx context.Context, id string) (*pb.Gateway, error) {
	response, err := until(ctx, s, s.getGateway(ctx, id), func(r *pb.GetGatewayResponse, err error) (bool, error) {
		return ready(r.GetGateway().GetStatus().GetStatus(), err)
	})
	return response.GetGateway(), err
}

// updateGateway changes the routing to another kind.
func (s *session) updateGateway(ctx context.Context, before *pb.Gateway) error {
	spec := before.GetSpec()
	response, err := call(ctx, s, "UpdateGateway", s.gateways.UpdateGateway, &pb.UpdateGatewayRequest{
		Id:      spec.GetId(),
		Name:    spec.GetName(),
		Zones:   spec.GetZones(),
		Auth:    &pb.UpdateGatewayRequest_CoreWeaveAuth{CoreWeaveAuth: &pb.CoreWeaveAuth{}},
		Routing: &pb.UpdateGatewayRequest_HeaderBasedRouting{HeaderBasedRouting: &pb.HeaderBasedRouting{HeaderName: "x-model"}},
	})
	if err != nil {
		return err
	}
	changed := response.GetGateway().GetSpec()
	if changed.GetHeaderBasedRouting().GetHeaderName() != "x-model" || changed.GetBodyBasedRouting() != nil {
		return fmt.Errorf("UpdateGateway: expected header routing by x-model, got %v", changed)
	}
	after, err := s.readyGateway(ctx, spec.GetId())
	if err != nil {
		return err
	}
	return later(before.GetStatus().GetUpdatedAt(), after.GetStatus().GetUpdatedAt())
}

func (s *session) refuseToDeleteUsed(ctx context.Context, gateway *pb.Gateway) error {
	failure, err := callFails[*errdetails.PreconditionFailure](ctx, s, "DeleteGateway", s.gateways.DeleteGateway,
		&pb.DeleteGatewayRequest{Id: gateway.GetSpec().GetId()}, connect.CodeFailedPrecondition)
	if err == nil && len(failure.GetViolations()) == 0 {
		err = fmt.Errorf("DeleteGateway: PreconditionFailure without violations")
	}
	return err
}

func (s *session) deleteGateway(ctx context.Context, id string) error {
	response, err := call(ctx, s, "DeleteGateway", s.gateways.DeleteGateway, &pb.DeleteGatewayRequest{Id: id})
	if err != nil {
		return err
	}
	if response.GetGateway().GetSpec().GetId() != id {
		return fmt.Errorf("DeleteGateway: answered with another gateway: %v", response)
	}
	_, err = until(ctx, s, s.getGateway(ctx, id), func(_ *pb.GetGatewayResponse, err error) (bool, error) {
		return gone(err)
	})
	return err
}
