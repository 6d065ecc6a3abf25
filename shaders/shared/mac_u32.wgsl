// a·b + c + d as (low, high), from four products of 16-bit halves. No sum here overflows 32 bits.
fn mac(a: u32, b: u32, c: u32, d: u32) -> vec2<u32> {
  let a0 = a & 0xffffu;
  let a1 = a >> 16u;
  let b0 = b & 0xffffu;
  let b1 = b >> 16u;
  let low = a0 * b0 + (c & 0xffffu) + (d & 0xffffu);
  let middle = a1 * b0 + (low >> 16u) + (c >> 16u);
  let upper = a0 * b1 + (middle & 0xffffu) + (d >> 16u);
  return vec2<u32>((upper << 16u) | (low & 0xffffu), a1 * b1 + (middle >> 16u) + (upper >> 16u));
}
