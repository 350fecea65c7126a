/* Text helpers with Redis's rules. Any thread. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"
#include "base/bytes.h"
#include <stdbool.h>

/* Redis glob (* ? [a-z] [^a] \x). Bounded work on hostile patterns: linear stack, steps limited
 * (CVE-2022-36021, CVE-2024-31228). */
bool text_glob_match(struct bytes pattern, struct bytes text, bool ignore_case);
/* Appends "quoted \"text\"" with Redis's escapes (sdscatrepr). */
int text_quote(struct buffer *out, struct bytes text);
/* 0 to 15; -1 when it is no hexadecimal digit. */
int text_hex_digit(char c);
/* What a character stands for behind a backslash, but for the x of a hexadecimal escape. */
char text_unescape(char c);
/* Splits a config-file or REPL line with Redis's quoting rules (sdssplitargs). Returns a vector of
 * `*count` allocated strings (text_free_args), or NULL when quotes are unbalanced. Strings may hold
 * NUL bytes: sizes[i] (may be NULL) receives the sizes in a vector freed by the caller. */
char **text_split_args(const char *line, int *count, size_t **sizes);
void text_free_args(char **args, int count);
/* Lower-cases ASCII in place. */
void text_lower(char *text, size_t size);
void text_upper(char *text, size_t size);
/* Optimal string alignment distance, for "did you mean". Sizes above 64 compare as far apart. */
unsigned text_distance(struct bytes a, struct bytes b);
/* Constant-time equality for secrets: time depends on sizes only. */
bool text_equal_secret(struct bytes a, struct bytes b);
/* Copies with truncation, always terminated (capacity > 0). Returns the copied size. */
size_t text_copy(char *destination, size_t capacity, const char *source);

#endif
