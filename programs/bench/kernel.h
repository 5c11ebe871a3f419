/* What the kernels in C share: a whole number in, a checksum out, both JSON, without the weight of printf. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HASH_START 0x811c9dc5u

static uint32_t mix(uint32_t hash, uint32_t word) { return (hash ^ word) * 0x01000193u; }

static uint32_t mix_double(uint32_t hash, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return mix(mix(hash, (uint32_t)bits), (uint32_t)(bits >> 32));
}

static uint32_t next_random(uint32_t state) { return state * 1664525u + 1013904223u; }

static void refuse(const char *message) {
  write(2, message, strlen(message));
  exit(1);
}

static int32_t read_size(void) {
  char text[64];
  size_t length = 0;
  ssize_t got;
  while (length < sizeof text && (got = read(0, text + length, sizeof text - length)) > 0) length += (size_t)got;
  int64_t size = 0;
  size_t at = 0;
  while (at < length && text[at] >= '0' && text[at] <= '9' && size <= 10000000) size = size * 10 + (text[at++] - '0');
  size_t digits = at;
  while (at < length && (text[at] == ' ' || text[at] == '\n')) at++;
  if (digits == 0 || at != length || size > 10000000) refuse("the input has to be a whole number from 0 to 10000000\n");
  return (int32_t)size;
}

static void write_checksum(uint32_t checksum) {
  char text[64] = "{\"checksum\":";
  char digits[10];
  size_t at = strlen(text);
  size_t count = 0;
  do digits[count++] = (char)('0' + checksum % 10);
  while ((checksum /= 10) != 0);
  while (count > 0) text[at++] = digits[--count];
  text[at++] = '}';
  write(1, text, at);
}
