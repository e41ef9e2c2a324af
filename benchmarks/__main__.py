"""`python -m benchmarks`: whole training steps by pullback and its peers; see README.md."""

from benchmarks.steps.compare import main

main()
