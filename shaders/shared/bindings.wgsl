// What every kernel is given. All numbers are little-endian words of 32 bits; a pair is 2·N of them, x0 first.
//
// Params is each kernel's own. It begins with the rows in this dispatch's buffers, and L, for loops that drivers should not
// write out. A kernel is given the buffers that it names.

@group(0) @binding(0) var<uniform> params: Params;
// −1/m modulo 2^32, then numbers at the offsets that the constants named AT_… say.
@group(0) @binding(1) var<storage, read> constants: array<u32>;
@group(0) @binding(2) var<storage, read> input: array<u32>;
@group(0) @binding(3) var<storage, read> second: array<u32>;
@group(0) @binding(4) var<storage, read_write> output: array<u32>;
// What a job keeps from one dispatch to the next.
@group(0) @binding(5) var<storage, read_write> state: array<u32>;
