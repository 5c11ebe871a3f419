/*
 * Sums the whole numbers of each column of a CSV without quotes. Input: a JSON string of the text, with \n between lines.
 * Output: an object from column to sum; columns in which something is no whole number are left out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 64

static char *read_all(size_t *length) {
  size_t capacity = 1 << 16;
  char *text = malloc(capacity);
  *length = 0;
  for (;;) {
    size_t got = fread(text + *length, 1, capacity - *length, stdin);
    if (got == 0) return text;
    *length += got;
    if (*length == capacity) text = realloc(text, capacity *= 2);
    if (text == NULL) exit(1);
  }
}

/* The inside of a JSON string without its escapes; other escapes than these do not stand in such a file. */
static size_t unquote(char *text, size_t length) {
  size_t to = 0;
  while (length > 0 && strchr(" \r\n\t", text[length - 1]) != NULL) length--;
  if (length < 2 || text[0] != '"' || text[length - 1] != '"') return 0;
  for (size_t at = 1; at < length - 1; at++) {
    if (text[at] == '\\' && text[at + 1] == 'n') text[to++] = '\n', at++;
    else if (text[at] == '\\' && text[at + 1] == 'r') at++;
    else if (text[at] == '\\' || text[at] == '"') return 0;
    else text[to++] = text[at];
  }
  return to;
}

int main(void) {
  size_t length;
  char *text = read_all(&length);
  size_t end = unquote(text, length);
  if (end == 0) {
    fputs("the input has to be a JSON string of a CSV without quotes\n", stderr);
    return 1;
  }
  static char *names[COLUMNS_MAX];
  static long long sums[COLUMNS_MAX];
  static int is_whole[COLUMNS_MAX];
  int columns = 0, column = 0, line = 0;
  char *field = text;
  for (size_t at = 0; at <= end; at++) {
    char mark = at == end ? '\n' : text[at];
    if (mark != ',' && mark != '\n') continue;
    text[at] = '\0';
    int is_empty_line = column == 0 && mark == '\n' && *field == '\0';
    if (!is_empty_line && column < COLUMNS_MAX) {
      if (line == 0) {
        names[columns] = field;
        is_whole[columns++] = 1;
      } else if (column < columns) {
        char *rest;
        sums[column] += strtoll(field, &rest, 10);
        if (*field == '\0' || *rest != '\0') is_whole[column] = 0;
      }
    }
    field = text + at + 1;
    column++;
    if (mark == '\n') column = 0, line++;
  }
  int is_first = 1;
  putchar('{');
  for (int i = 0; i < columns; i++) {
    if (!is_whole[i]) continue;
    printf("%s\"%s\":%lld", is_first ? "" : ",", names[i], sums[i]);
    is_first = 0;
  }
  putchar('}');
}
