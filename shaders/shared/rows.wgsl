// Reading and writing the rows of buffers: `at` is where a number begins, in words.

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

// Makes the pair in the constants at `at` the first two operands.
fn set_pair_constant(at: u32) {
  fence();
  set_operand_constant(0u, at);
  set_operand_constant(1u, at + N);
}

// Makes the pair in `second` at `at` the first two operands.
fn set_pair_second(at: u32) {
  fence();
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(0u, lane * L + j, second[at + lane * L + j]);
    set_operand_word(1u, lane * L + j, second[at + N + lane * L + j]);
  }
}

// Makes the pair in the state at `at` the first two operands.
fn set_pair_state(at: u32) {
  fence();
  for (var j = 0u; j < L; j++) { // unroll
    set_operand_word(0u, lane * L + j, state[at + lane * L + j]);
    set_operand_word(1u, lane * L + j, state[at + N + lane * L + j]);
  }
}

// The row that this number computes, and whether it is one of the dispatch's: the others repeat the last, so that all
// lanes stay together.
fn row() -> u32 { return min(number, params.rows - 1u); }

fn is_row() -> bool { return number < params.rows; }
