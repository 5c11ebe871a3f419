/* The Mandelbrot set on a square of points, up to 100 rounds each. */
#include "../kernel.h"

#define ROUNDS_MAX 100

int main(void) {
  int32_t size = read_size();
  uint32_t hash = HASH_START;
  for (int32_t row = 0; row < size; row++) {
    double y = (row * 2.0) / size - 1.0;
    for (int32_t column = 0; column < size; column++) {
      double x = (column * 3.0) / size - 2.0;
      double real = 0.0;
      double imaginary = 0.0;
      uint32_t rounds = 0;
      while (rounds < ROUNDS_MAX && real * real + imaginary * imaginary <= 4.0) {
        double next = real * real - imaginary * imaginary + x;
        imaginary = 2.0 * real * imaginary + y;
        real = next;
        rounds++;
      }
      hash = mix(hash, rounds);
    }
  }
  write_checksum(hash);
}
