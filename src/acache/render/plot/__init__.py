"""Benchmarks and simulations as pictures, by matplotlib: the only package that imports it."""
