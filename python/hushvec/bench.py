"""Measures the throughput of this machine from the command line: ``python -m hushvec.bench --help``."""

from ._bench import main

if __name__ == "__main__":
    main()
