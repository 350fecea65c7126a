/* Splits one line into arguments as Redis does for inline commands (and for redis.conf lines):
 * blanks separate, double quotes know escapes (\xHH \n \r \t \b \a), single quotes know \', a quote
 * may open inside a word but must be followed by a blank when it closes. Any thread; no state.
 */
#ifndef PROTOCOL_INLINE_PARSER_H
#define PROTOCOL_INLINE_PARSER_H

#include <stddef.h>

struct resp_parser;

/* Splits line[0..size), unquoting in place, and appends each word to the parser's arguments, whose
 * offsets then count from line[0]. 0, or -1 when quotes are unbalanced. Ends at a NUL byte, as the
 * reference does. */
int inline_split(struct resp_parser *parser, char *line, size_t size)
    __attribute__((warn_unused_result));

#endif
