"""Simulates a shop and its shoppers for benchmarks and tests: events for which the true relevance is known."""

from simulation.behaviour import simulated_behaviour
from simulation.events import SimulatedEvents, write_jsonl
from simulation.shop import PARTIAL_MATCH, Demand, Shop, demand_of, shop_of
from simulation.simulator import SimulatorOptions, simulate

__all__ = [
    "PARTIAL_MATCH",
    "Demand",
    "Shop",
    "SimulatedEvents",
    "SimulatorOptions",
    "demand_of",
    "shop_of",
    "simulate",
    "simulated_behaviour",
    "write_jsonl",
]
