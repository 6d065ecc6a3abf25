// The portable family: one invocation per number, with all words in private memory. Requires no optional features.

var<private> number: u32;
var<private> operands: array<u32, 3 * N>;

@compute @workgroup_size(GROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  number = id.x;
  run();
}

const lane = 0u;

fn fence() {}

fn operand(which: u32, i: u32) -> u32 { return operands[which * N + i]; }

fn set_operand_word(which: u32, i: u32, word: u32) { operands[which * N + i] = word; }

fn keep_quotient(i: u32, q: u32) { operands[2u * N + i] = q; }

fn modulus(j: u32) -> u32 { return constants[AT_MODULUS + j]; }

fn prepare() {}

fn from_first(x: u32) -> u32 { return x; }

fn from_last(x: u32) -> u32 { return x; }

fn from_below(x: u32) -> u32 { return 0u; }

fn from_above(x: u32, outside: u32) -> u32 { return outside; }

fn any_number(condition: bool) -> bool { return condition; }

fn look_ahead(generates: bool, propagates: bool) -> vec2<u32> { return vec2<u32>(0u, u32(generates)); }

fn all_lanes(condition: bool) -> bool { return condition; }

fn sum_lanes(x: u32) -> u32 { return x; }
