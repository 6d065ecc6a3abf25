// The bindings of all kernels. Numbers are little-endian 32-bit words; a pair has 2·N words, x0 first. A kernel is
// bound only to the buffers that it uses.
//
// Each kernel defines its own `Params`. They begin with the number of rows in the buffers of this dispatch, and with
// L as a run-time value, for loops that drivers must not unroll.

@group(0) @binding(0) var<uniform> params: Params;
// −1/m modulo 2^32, then numbers at the offsets AT_….
@group(0) @binding(1) var<storage, read> constants: array<u32>;
@group(0) @binding(2) var<storage, read> input: array<u32>;
@group(0) @binding(3) var<storage, read> second: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;
// Data that a job keeps from one dispatch to the next.
@group(0) @binding(5) var<storage, read_write> state: array<u32>;
