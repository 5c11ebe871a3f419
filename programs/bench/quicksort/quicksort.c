/* Sorts numbers of 32 bits by Hoare's quicksort. */
#include "../kernel.h"

static void sort(uint32_t *numbers, int32_t low, int32_t high) {
  while (low < high) {
    uint32_t pivot = numbers[(uint32_t)(low + high) >> 1];
    int32_t i = low - 1;
    int32_t j = high + 1;
    for (;;) {
      do i++;
      while (numbers[i] < pivot);
      do j--;
      while (numbers[j] > pivot);
      if (i >= j) break;
      uint32_t other = numbers[i];
      numbers[i] = numbers[j];
      numbers[j] = other;
    }
    /* The smaller part by recursion, the larger one by going on: the depth is a logarithm. */
    if (j - low < high - j - 1) {
      sort(numbers, low, j);
      low = j + 1;
    } else {
      sort(numbers, j + 1, high);
      high = j;
    }
  }
}

int main(void) {
  int32_t size = read_size();
  uint32_t *numbers = malloc(((size_t)size + 1) * sizeof *numbers);
  uint32_t state = 1;
  for (int32_t i = 0; i < size; i++) numbers[i] = state = next_random(state);
  sort(numbers, 0, size - 1);
  uint32_t hash = HASH_START;
  for (int32_t i = 0; i < size; i++) hash = mix(hash, numbers[i]);
  write_checksum(hash);
}
