/* How many primes there are up to a whole number. Input: the number. Output: {"upTo":100,"primes":25,"largest":97} */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  long limit;
  if (scanf("%ld", &limit) != 1 || limit < 0 || limit > 50000000) {
    fputs("the input has to be a whole number from 0 to 50000000\n", stderr);
    return 1;
  }
  unsigned char *composite = calloc((size_t)limit + 1, 1);
  if (composite == NULL) return 1;
  long primes = 0;
  long largest = 0;
  for (long i = 2; i <= limit; i++) {
    if (composite[i]) continue;
    primes++;
    largest = i;
    for (long long j = (long long)i * i; j <= limit; j += i) composite[j] = 1;
  }
  printf("{\"upTo\":%ld,\"primes\":%ld,\"largest\":%ld}", limit, primes, largest);
}
