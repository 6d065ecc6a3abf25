// The cooperative family: LANES neighbouring invocations of a subgroup share a number, each with L words in registers.
// Operands are in workgroup memory. Requires subgroup operations and 64-bit integers.

var<private> number: u32;
var<private> lane: u32;
// The subgroup invocation of lane 0 of this number.
var<private> leader: u32;
// The offset of this number's operands in workgroup memory.
var<private> place: u32;
var<private> own_modulus: Words;
var<workgroup> operands: array<u32, NUMBERS * 3 * N>;

@compute @workgroup_size(GROUP)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_subgroups) subgroups: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_size) size: u32,
  @builtin(subgroup_invocation_id) invocation: u32,
) {
  lane = invocation % LANES;
  leader = invocation - lane;
  let slot = subgroup * (size / LANES) + invocation / LANES;
  place = (slot % NUMBERS) * 3u * N;
  // If a driver leaves subgroups partly empty, several numbers would share the same operands. `number` is then an
  // invalid row: nothing is written, the known answers are wrong, and the device is not used.
  number = select(0xffffffffu, group.x * NUMBERS + slot, subgroups * size == GROUP);
  run();
}

fn fence() { workgroupBarrier(); }

fn operand(which: u32, i: u32) -> u32 { return operands[place + which * N + i]; }

fn set_operand_word(which: u32, i: u32, word: u32) { operands[place + which * N + i] = word; }

fn keep_quotient(i: u32, q: u32) {
  if lane == 0u { operands[place + 2u * N + i] = q; }
}

fn modulus(j: u32) -> u32 { return own_modulus[j]; }

fn prepare() {
  for (var j = 0u; j < L; j++) { // unroll
    own_modulus[j] = constants[AT_MODULUS + lane * L + j];
  }
}

fn from_first(x: u32) -> u32 { return subgroupShuffle(x, leader); }

fn from_last(x: u32) -> u32 { return subgroupShuffle(x, leader + LANES - 1u); }

fn from_below(x: u32) -> u32 { return select(subgroupShuffleUp(x, 1u), 0u, lane == 0u); }

fn from_above(x: u32, outside: u32) -> u32 { return select(subgroupShuffleDown(x, 1u), outside, lane == LANES - 1u); }

fn any_number(condition: bool) -> bool { return subgroupAny(condition); }

// Returns one bit per lane of this number.
fn ballot(condition: bool) -> u64 {
  let votes = subgroupBallot(condition);
  var word = votes.x;
  if leader >= 96u { word = votes.w; } else if leader >= 64u { word = votes.z; } else if leader >= 32u { word = votes.y; }
  return u64((word >> (leader & 31u)) & LANE_MASK);
}

// Carry look-ahead: returns the carry into this lane, and the carry out of the last lane. Each lane either generates
// a carry, propagates one, or neither. Adding the two masks resolves all lanes at once with the carries of an integer
// addition.
fn look_ahead(generates: bool, propagates: bool) -> vec2<u32> {
  let passing = ballot(propagates);
  let carries = (passing + (ballot(generates) << 1u)) ^ passing;
  return vec2<u32>(u32(carries >> lane) & 1u, u32(carries >> LANES) & 1u);
}

fn all_lanes(condition: bool) -> bool { return ballot(condition) == u64(LANE_MASK); }

fn sum_lanes(x: u32) -> u32 {
  var sum = 0u;
  for (var i = 0u; i < LANES; i++) {
    sum += subgroupShuffle(x, leader + i);
  }
  return sum;
}
