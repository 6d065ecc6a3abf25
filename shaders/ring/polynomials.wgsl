// Batches of polynomials: polynomial i belongs to ring i modulo the number of rings.

fn ring_of(polynomial: u32) -> u32 {
  return (params.first + polynomial) % params.rings;
}

fn source(polynomial: u32) -> u32 {
  return polynomial;
}

fn enter(x: V) -> V {
  return x;
}
