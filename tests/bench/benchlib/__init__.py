"""What tests/bench/run is made of: proc (bounded processes), mounts (the systems that are compared),
fixtures (stores and trees), schema (generated versions), rows (the benchmarks), table (results)."""
