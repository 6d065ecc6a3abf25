// Reading and writing rows of buffers. `at` is the offset of a number in words.

fn read_input(at: u32, x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    (*x)[j] = input[at + lane * L + j];
  }
}

fn read_state(at: u32, x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    (*x)[j] = state[at + lane * L + j];
  }
}

fn read_constant(at: u32, x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    (*x)[j] = constants[at + lane * L + j];
  }
}

fn write_output(at: u32, x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    output[at + lane * L + j] = (*x)[j];
  }
}

fn write_state(at: u32, x: ptr<function, Words>) {
  for (var j = 0u; j < L; j++) { // unroll
    state[at + lane * L + j] = (*x)[j];
  }
}

// Sets the first two operands to the pair in `constants` at `at`.
fn set_pair_constant(at: u32) {
  fence();
  set_operand_constant(0u, at);
  set_operand_constant(1u, at + N);
}

// Sets the first two operands to the pair in `second` at `at`.
fn set_pair_second(at: u32) {
  fence();
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(0u, lane * L + j, second[at + lane * L + j]);
    set_operand_word(1u, lane * L + j, second[at + N + lane * L + j]);
  }
}

// Sets the first two operands to the pair in `state` at `at`.
fn set_pair_state(at: u32) {
  fence();
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(0u, lane * L + j, state[at + lane * L + j]);
    set_operand_word(1u, lane * L + j, state[at + N + lane * L + j]);
  }
}

// The row of this number. Numbers beyond the rows of the dispatch repeat the last row, so that control flow stays
// uniform.
fn row() -> u32 { return min(number, params.rows - 1u); }

// Whether this number has a row of its own, and writes results.
fn is_row() -> bool { return number < params.rows; }
