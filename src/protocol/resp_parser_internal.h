/* Shared by resp_parser.c and inline_parser.c: growing the argument vector. */
#ifndef PROTOCOL_RESP_PARSER_INTERNAL_H
#define PROTOCOL_RESP_PARSER_INTERNAL_H

#include "protocol/resp_parser.h"

/* Doubles the vector. It grows with arguments received, never with a number a peer announced
 * (CVE-2021-32675). */
void resp_parser_grow(struct resp_parser *parser);

static inline void resp_parser_add(struct resp_parser *parser, size_t offset, size_t size,
                                   void *large)
{
    if (__builtin_expect(parser->argc == parser->args_capacity, 0))
        resp_parser_grow(parser);
    parser->args[parser->argc++] =
        (struct resp_arg){.offset = (uint32_t)offset, .size = (uint32_t)size, .large = large};
}

#endif
