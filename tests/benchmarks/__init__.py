"""The benchmarks run. What their figures are is not looked at: a machine that is busy would fail them."""
