/* The product of two square matrices of doubles. */
#include "../kernel.h"

int main(void) {
  size_t size = (size_t)read_size();
  double *left = malloc(size * size * sizeof *left + 1);
  double *right = malloc(size * size * sizeof *right + 1);
  double *product = calloc(size * size + 1, sizeof *product);
  uint32_t state = 1;
  for (size_t i = 0; i < size * size; i++) {
    left[i] = (double)(state = next_random(state)) / 4294967296.0;
    right[i] = (double)(state = next_random(state)) / 4294967296.0;
  }
  for (size_t row = 0; row < size; row++) {
    for (size_t inner = 0; inner < size; inner++) {
      double factor = left[row * size + inner];
      for (size_t column = 0; column < size; column++) {
        product[row * size + column] += factor * right[inner * size + column];
      }
    }
  }
  uint32_t hash = HASH_START;
  for (size_t i = 0; i < size * size; i++) hash = mix_double(hash, product[i]);
  write_checksum(hash);
}
