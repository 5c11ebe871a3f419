/* Primes below a number, by the sieve of Eratosthenes. */
#include "../kernel.h"

int main(void) {
  int32_t size = read_size();
  uint8_t *composite = calloc((size_t)size + 1, 1);
  uint32_t hash = HASH_START;
  for (int32_t i = 2; i <= size; i++) {
    if (composite[i]) continue;
    hash = mix(hash, (uint32_t)i);
    for (int64_t j = (int64_t)i * i; j <= size; j += i) composite[j] = 1;
  }
  write_checksum(hash);
}
