/* Incremental parser of client requests: RESP arrays of bulk strings, and inline commands.
 *
 * The parser owns no input. The caller keeps the bytes of the unfinished request contiguous and
 * hands in the whole of them each time, the request's first byte at data[0]; the parser remembers
 * by offset how far it came, so the bytes may have moved between calls. It never looks at a byte
 * twice (but for the digits of an unfinished header line). A bulk of RESP_LARGE_BULK_SIZE or more
 * is not expected in `data`: the parser stops at its first byte with RESP_LARGE_BULK and the caller
 * receives it elsewhere.
 *
 * Everything from the peer is hostile: sizes are bounded before use, CR LF is checked strictly, an
 * empty array ("*0") is skipped. One owner; any thread. No sockets, no keys.
 */
#ifndef PROTOCOL_RESP_PARSER_H
#define PROTOCOL_RESP_PARSER_H

#include "base/bytes.h"
#include "protocol/limits.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum resp_result {
    RESP_NEED_INPUT, /* all of data was looked at; append more and call again */
    RESP_REQUEST,    /* a whole request: argc, args; `consumed` bytes of data belong to it */
    RESP_EMPTY, /* nothing to do ("*0", "*-1", an empty line): drop `consumed` bytes, call again */
    RESP_LARGE_BULK, /* the next argument has large_size bytes and begins at data[position] */
    RESP_ERROR /* error_text; the connection cannot go on. If is_limit_of_stranger, the request
                  would be fine for an authenticated client: nothing was consumed, and the call
                  may be repeated after limits changed */
};

struct resp_arg {
    uint32_t offset; /* from data[0]; unspecified when large */
    uint32_t size;   /* 0 when large */
    void *large;     /* what the caller gave to resp_parser_large_done, or NULL */
};

struct resp_parser {
    const struct resp_limits *limits; /* caller's, may change between calls */
    struct resp_arg *args;            /* args[0..argc): of the request in hand */
    int32_t argc;                     /* complete ones; of the whole request after RESP_REQUEST */
    int32_t args_capacity;
    int32_t args_left; /* arguments still to come; -1 before the first header is read */
    bool is_inline;
    bool is_limit_of_stranger;
    int64_t bulk_size;   /* of the argument being read, -1 while its header is not read */
    size_t position;     /* offset of the next byte to look at */
    size_t line_scanned; /* bytes at position of a line known to have no end yet */
    size_t consumed;     /* of the finished request */
    size_t large_size;
    char error_text[64]; /* "Protocol error: invalid bulk length": without the leading ERR */
};

void resp_parser_init(struct resp_parser *parser, const struct resp_limits *limits);
/* Frees the argument vector; `large` pointers that were given are the caller's to free before
 * (args[i].large, i < argc: of an unfinished request too). */
void resp_parser_deinit(struct resp_parser *parser);
/* Looks at data[position..size). Offsets of inline arguments point into data, which the parser may
 * rewrite in place while it unquotes them (hence not const). */
enum resp_result resp_parse(struct resp_parser *parser, char *data, size_t size)
    __attribute__((warn_unused_result));
/* After RESP_LARGE_BULK: the bytes (and the CR LF behind them, which the caller has checked) were
 * received into `large`, whose size is large_size; data[position] is now what follows. The caller
 * removes from data what it copied out of it. resp_parse goes on even when nothing follows: the
 * large one may have been the last argument. */
void resp_parser_large_done(struct resp_parser *parser, void *large);
/* After RESP_REQUEST or RESP_EMPTY, before the next request: forgets it, keeps the vector (shrunk
 * when it grew beyond 1024 entries). data[0] is from now on the first byte behind `consumed`. */
void resp_parser_next(struct resp_parser *parser);
/* True when no byte of a request has been looked at. */
static inline bool resp_parser_is_idle(const struct resp_parser *parser)
{
    return parser->args_left < 0 && parser->position == 0 && parser->line_scanned == 0;
}

#endif
