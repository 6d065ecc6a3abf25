#!/usr/bin/env python3
"""Estimates the cost of breaking the lattice problems of packed search (docs/packed.md).

  python3 benches/estimate.py

An estimate, NOT the lattice-estimator. It knows one attack: the primal attack, which reduces LWE to a unique shortest
vector problem (uSVP), on a basis that follows the geometric series assumption (Alkim, Ducas, Pöppelmann and Schwabe,
Post-quantum key exchange, USENIX Security 2016, section 6), with a lattice scaled for small secrets (Bai and Galbraith,
Lattice decoding attacks on binary LWE, ACISP 2014). It knows no dual, hybrid or combinatorial attack.

Prints the rows of the homomorphic encryption standard first (Albrecht et al., 2018; ternary secrets), for calibration,
then the sets of this project. Costs are logarithms to base 2 of the number of operations.
"""

import math

DEGREE = 4096
Q0, Q1, R, P = 536_813_569, 536_690_689, 974_849, 1_032_193

TERNARY_DEVIATION = math.sqrt(2 / 3)
STANDARD_DEVIATION = 8 / math.sqrt(2 * math.pi)
ERROR_DEVIATION = math.sqrt(21 / 2)

# Bits of an operation per dimension of a block in lattice reduction, by sieving.
CLASSICAL_SIEVE = 0.292
QUANTUM_SIEVE = 0.265

LEAST_BLOCK_SIZE = 50
MOST_BLOCK_SIZE = 4000


def root_hermite_factor(block_size):
    """The root Hermite factor that BKZ reaches with a block size (Chen's thesis, 2013)."""
    volume = (math.pi * block_size) ** (1 / block_size) * block_size / (2 * math.pi * math.e)
    return volume ** (1 / (2 * (block_size - 1)))


def attack_succeeds(block_size, degree, modulus_bits, error_deviation):
    """Whether some number of samples lets BKZ find the short vector."""
    step = math.log2(root_hermite_factor(block_size))
    projected = math.log2(error_deviation) + math.log2(block_size) / 2
    scale = math.log2(error_deviation / TERNARY_DEVIATION)
    for samples in range(degree // 4, 2 * degree, max(1, degree // 64)):
        dimension = degree + samples + 1
        root_of_volume = (samples * modulus_bits + degree * scale) / dimension
        if projected <= (2 * block_size - dimension) * step + root_of_volume:
            return True
    return False


def least_block_size(degree, modulus_bits, error_deviation):
    """The smallest block size with which the attack succeeds."""
    least, most = LEAST_BLOCK_SIZE, MOST_BLOCK_SIZE
    while least < most:
        middle = (least + most) // 2
        if attack_succeeds(middle, degree, modulus_bits, error_deviation):
            most = middle
        else:
            least = middle + 1
    return least


def costs(block_size, degree):
    """Core-SVP costs, classical and quantum, and the same with the cost of BKZ's rounds, as the standard counts it."""
    classical, quantum = CLASSICAL_SIEVE * block_size, QUANTUM_SIEVE * block_size
    rounds = 16.4 + math.log2(8 * 2 * degree)
    return classical, quantum, classical + rounds, quantum + rounds


def main():
    standard = [
        (1024, 27, "128 bits"),
        (2048, 54, "128 bits"),
        (4096, 109, "128 bits"),
        (4096, 101, "128 bits, quantum"),
        (4096, 75, "192 bits"),
        (4096, 58, "256 bits"),
    ]
    rows = [
        (f"standard, {strength}, N = {degree}", degree, modulus_bits, STANDARD_DEVIATION)
        for degree, modulus_bits, strength in standard
    ]
    rows += [
        (name, DEGREE, math.log2(modulus), ERROR_DEVIATION)
        for name, modulus in [("evaluation key", Q0 * Q1 * R * P), ("query", Q0 * Q1 * R), ("index", Q0 * Q1)]
    ]
    print(f"{'':38} {'':6} {'block':>6} {'core-SVP':>15} {'with rounds':>15}")
    print(f"{'':38} {'log Q':>6} {'size':>6} {'class.':>7} {'quant.':>7} {'class.':>7} {'quant.':>7}")
    for name, degree, modulus_bits, error_deviation in rows:
        block_size = least_block_size(degree, modulus_bits, error_deviation)
        columns = " ".join(f"{cost:7.1f}" for cost in costs(block_size, degree))
        print(f"{name:38} {modulus_bits:6.2f} {block_size:6} {columns}")


if __name__ == "__main__":
    main()
