"""Agents, and the integrations that they and the organization use."""

from agents_app.models.agent import Agent
from agents_app.models.integration import IntegrationConfig

__all__ = ["Agent", "IntegrationConfig"]
