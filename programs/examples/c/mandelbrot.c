/*
 * A picture of the Mandelbrot set in letters. Input: its width in characters, from 1 to 400. Output: {"rows":["…"]},
 * half as many rows.
 */
#include <stdio.h>

int main(void) {
  static const char shades[] = " .:-=+*#%@";
  int width;
  if (scanf("%d", &width) != 1 || width < 1 || width > 400) {
    fputs("the input has to be a whole number from 1 to 400\n", stderr);
    return 1;
  }
  int height = (width + 1) / 2;
  printf("{\"rows\":[");
  for (int row = 0; row < height; row++) {
    printf(row == 0 ? "\"" : ",\"");
    for (int column = 0; column < width; column++) {
      double x = 3.0 * column / width - 2.2, y = 2.4 * row / height - 1.2, a = 0, b = 0;
      int rounds = 0;
      for (; rounds < 90 && a * a + b * b <= 4; rounds++) {
        double next = a * a - b * b + x;
        b = 2 * a * b + y;
        a = next;
      }
      putchar(shades[rounds / 10 > 9 ? 9 : rounds / 10]);
    }
    putchar('"');
  }
  printf("]}");
}
