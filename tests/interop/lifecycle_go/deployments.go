package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	pb "buf.build/gen/go/coreweave/inference/protocolbuffers/go/coreweave/inference/v1alpha1"
	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// plainVersion is a version without pre-release and build parts.
var plainVersion = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

func (s *session) createDeployment(ctx context.Context, gateway *pb.Gateway) (*pb.Deployment, error) {
	gatewayID := gateway.GetSpec().GetId()
	parameters, err := call(ctx, s, "GetDeploymentParameters", s.deployments.GetDeploymentParameters,
		&pb.GetDeploymentParametersRequest{GatewayIds: []string{gatewayID}})
	if err != nil {
		return nil, err
	}
	request, err := deploymentRequest(s.protocol, gatewayID, parameters)
	if err != nil {
		return nil, err
	}

	invalid := proto.CloneOf(request)
	invalid.Autoscaling.Min = 3
	if _, err := callFails[*errdetails.BadRequest](ctx, s, "CreateDeployment", s.deployments.CreateDeployment,
		invalid, connect.CodeInvalidArgument); err != nil {
		return nil, err
	}

	created, err := call(ctx, s, "CreateDeployment", s.deployments.CreateDeployment, request)
	if err != nil {
		return nil, err
	}
	spec := created.GetDeployment().GetSpec()
	if spec.GetId() != request.GetId() || !proto.Equal(spec.GetRuntime(), request.GetRuntime()) ||
		!proto.Equal(spec.GetAutoscaling(), request.GetAutoscaling()) {
		return nil, fmt.Errorf("CreateDeployment: %v was asked for, got %v", request, spec)
	}
	if _, err := callFails[*errdetails.ResourceInfo](ctx, s, "CreateDeployment", s.deployments.CreateDeployment,
		request, connect.CodeAlreadyExists); err != nil {
		return nil, err
	}
	if _, err := callFails[*errdetails.ResourceInfo](ctx, s, "GetDeployment", s.deployments.GetDeployment,
		&pb.GetDeploymentRequest{Id: newID()}, connect.CodeNotFound); err != nil {
		return nil, err
	}
	deployment, err := s.readyDeployment(ctx, request.GetId())
	if err != nil {
		return nil, err
	}
	err = listedAfter(deployment.GetStatus().GetUpdatedAt(), func(after *timestamppb.Timestamp) (bool, error) {
		return s.listsDeployment(ctx, deployment, &pb.ListDeploymentsRequest{UpdatedAfter: after, ParentGatewayId: gatewayID})
	})
	if err != nil {
		return nil, err
	}
	found, err := s.listsDeployment(ctx, deployment, &pb.ListDeploymentsRequest{ParentGatewayId: newID()})
	if err == nil && found {
		err = fmt.Errorf("ListDeployments: another gateway's deployment came as well")
	}
	return deployment, err
}

func deploymentRequest(
	protocol, gatewayID string, parameters *pb.GetDeploymentParametersResponse,
) (*pb.CreateDeploymentRequest, error) {
	const engine = "vllm"
	runtime := parameters.GetRuntimeParameters()
	versions := runtime.GetRuntimeVersions()[engine].GetVersions()
	plain := slices.IndexFunc(versions, plainVersion.MatchString)
	keys := runtime.GetRuntimeConfigOptions()[engine].GetAllowedKeys()
	names := runtime.GetEngineEnvOptions()[engine].GetAllowedNames()
	types := parameters.GetResourceParameters().GetInstanceTypes()
	if plain < 0 || len(keys) == 0 || len(names) == 0 || len(types) == 0 {
		return nil, fmt.Errorf("GetDeploymentParameters: something is missing for %s: %v", engine, parameters)
	}
	return &pb.CreateDeploymentRequest{
		Id:         newID(),
		Name:       "go-deployment-" + protocol,
		GatewayIds: []string{gatewayID},
		Runtime: &pb.DeploymentRuntime{
			Engine:       engine,
			Version:      versions[plain],
			EngineConfig: map[string]string{keys[0]: "1"},
			EngineEnv:    map[string]string{names[0]: "0"},
		},
		Resources: &pb.DeploymentResources{InstanceType: types[0], GpuCount: 1},
		Model:     &pb.DeploymentModel{Name: "go/model-" + protocol, Bucket: "models", Path: "go/model"},
		Autoscaling: &pb.DeploymentAutoscaling{
			Min:             1,
			Max:             2,
			CapacityClasses: []pb.DeploymentAutoscaling_CapacityClass{pb.DeploymentAutoscaling_CAPACITY_CLASS_ON_DEMAND},
		},
		Traffic: &pb.DeploymentTraffic{},
	}, nil
}

func (s *session) listsDeployment(
	ctx context.Context, wanted *pb.Deployment, request *pb.ListDeploymentsRequest,
) (bool, error) {
	list, err := call(ctx, s, "ListDeployments", s.deployments.ListDeployments, request)
	return slices.ContainsFunc(list.GetItems(), func(d *pb.Deployment) bool { return proto.Equal(d, wanted) }), err
}

func (s *session) getDeployment(ctx context.Context, id string) func() (*pb.GetDeploymentResponse, error) {
	return func() (*pb.GetDeploymentResponse, error) {
		return call(ctx, s, "GetDeployment", s.deployments.GetDeployment, &pb.GetDeploymentRequest{Id: id})
	}
}

func (s *session) readyDeployment(ctx context.Context, id string) (*pb.Deployment, error) {
	response, err := until(ctx, s, s.getDeployment(ctx, id), func(r *pb.GetDeploymentResponse, err error) (bool, error) {
		return ready(r.GetDeployment().GetStatus().GetStatus(), err)
	})
	return response.GetDeployment(), err
}

func (s *session) updateDeployment(ctx context.Context, before *pb.Deployment) error {
	spec := proto.CloneOf(before.GetSpec())
	spec.Traffic.Weight = 10
	spec.Autoscaling.Max = 4
	response, err := call(ctx, s, "UpdateDeployment", s.deployments.UpdateDeployment, &pb.UpdateDeploymentRequest{
		Id:          spec.GetId(),
		Name:        spec.GetName(),
		GatewayIds:  spec.GetGatewayIds(),
		Runtime:     spec.GetRuntime(),
		Resources:   spec.GetResources(),
		Model:       spec.GetModel(),
		Autoscaling: spec.GetAutoscaling(),
		Traffic:     spec.GetTraffic(),
	})
	if err != nil {
		return err
	}
	if !proto.Equal(response.GetDeployment().GetSpec(), spec) {
		return fmt.Errorf("UpdateDeployment: expected %v, got %v", spec, response.GetDeployment().GetSpec())
	}
	after, err := s.readyDeployment(ctx, spec.GetId())
	if err != nil {
		return err
	}
	return later(before.GetStatus().GetUpdatedAt(), after.GetStatus().GetUpdatedAt())
}

func (s *session) deleteDeployment(ctx context.Context, id string) error {
	response, err := call(ctx, s, "DeleteDeployment", s.deployments.DeleteDeployment,
		&pb.DeleteDeploymentRequest{Id: id})
	if err != nil {
		return err
	}
	if response.GetDeployment().GetSpec().GetId() != id {
		return fmt.Errorf("DeleteDeployment: answered with another deployment: %v", response)
	}
	_, err = until(ctx, s, s.getDeployment(ctx, id), func(_ *pb.GetDeploymentResponse, err error) (bool, error) {
		return gone(err)
	})
	return err
}
