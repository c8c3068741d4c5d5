"""The client of the CoreWeave Inference API, sync and async, over any of the wires."""

from __future__ import annotations

from coreweave_inference.client.aio import AsyncInferenceClient
from coreweave_inference.client.sync import InferenceClient

__all__ = ["AsyncInferenceClient", "InferenceClient"]
