// pair_pow: a power of each row, modulo m², computed by a program of steps that is the same for all rows.
//
// input: bases. second: the program. state: the accumulators of all rows, then entry 0 of the table of all rows, and
// so on. A step is a word: the operation in the upper byte, the index of a table entry in the rest.

struct Params {
  rows: u32,
  words: u32,
  // The range of steps: `first` inclusive, `last` exclusive.
  first: u32,
  last: u32,
}

// accumulator = the row of the input, in Montgomery form.
const TO_MONT = 0u;
const SQUARE = 1u;
// accumulator *= a table entry.
const MULTIPLY = 2u;
// Stores the accumulator as a table entry.
const STORE = 3u;
// accumulator = a table entry.
const FETCH = 4u;
// accumulator = 1, in Montgomery form.
const ONE = 5u;
// Converts the accumulator from Montgomery form and writes the output.
const FROM_MONT = 6u;

fn run() {
  prepare();
  let at = row() * 2u * N;
  let stride = params.rows * 2u * N;
  var x0: Words;
  var x1: Words;
  read_state(at, &x0);
  read_state(at + N, &x1);
  for (var s = params.first; s < params.last; s++) {
    let step = second[s] >> 24u;
    let entry = at + ((second[s] & 0xffffffu) + 1u) * stride;
    switch step {
      case TO_MONT: {
        read_input(at, &x0);
        read_input(at + N, &x1);
        set_pair_constant(AT_R2);
      }
      case MULTIPLY: {
        set_pair_state(entry);
      }
      case FROM_MONT: {
        set_pair_one();
      }
      case STORE: {
        if is_row() {
          write_state(entry, &x0);
          write_state(entry + N, &x1);
        }
      }
      case FETCH: {
        read_state(entry, &x0);
        read_state(entry + N, &x1);
      }
      case ONE: {
        read_constant(AT_ONE, &x0);
        read_constant(AT_ONE + N, &x1);
      }
      default: {}
    }
    if step == SQUARE {
      pair_square(&x0, &x1);
    }
    if step == TO_MONT || step == MULTIPLY || step == FROM_MONT {
      pair_multiply(&x0, &x1);
    }
    if step == FROM_MONT {
      reduce(&x0, &x1);
      if is_row() {
        write_output(at, &x0);
        write_output(at + N, &x1);
      }
    }
  }
  if is_row() {
    write_state(at, &x0);
    write_state(at + N, &x1);
  }
}
