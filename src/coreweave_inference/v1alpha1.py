"""The messages and enums of coreweave.inference.v1alpha1, all in one namespace.

They are ordinary google.protobuf messages; where they are kept is no promise, this module is.
"""

from coreweave_inference_gen.coreweave.inference.v1alpha1.capacity_claim_pb2 import *  # noqa: F403 - a re-export by design
from coreweave_inference_gen.coreweave.inference.v1alpha1.condition_pb2 import *  # noqa: F403 - a re-export by design
from coreweave_inference_gen.coreweave.inference.v1alpha1.deployment_pb2 import *  # noqa: F403 - a re-export by design
from coreweave_inference_gen.coreweave.inference.v1alpha1.gateway_pb2 import *  # noqa: F403 - a re-export by design
from coreweave_inference_gen.coreweave.inference.v1alpha1.status_pb2 import *  # noqa: F403 - a re-export by design
