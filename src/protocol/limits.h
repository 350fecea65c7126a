/* Every bound of the protocol, by name. Values are Redis's. */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

#include <stdint.h>

enum {
    /* Longest inline command, and longest "*3" or "$5" header line. */
    RESP_INLINE_SIZE_MAX = 64 * 1024,
    /* Arguments of one command. */
    RESP_ARGC_MAX = INT32_MAX,
    /* Before authentication (CVE-2021-32675). */
    RESP_UNAUTHENTICATED_ARGC_MAX = 10,
    RESP_UNAUTHENTICATED_BULK_MAX = 16384,
    /* A bulk of this size or more is received into an allocation of its own. */
    RESP_LARGE_BULK_SIZE = 32 * 1024,
    /* Payload of one TLS record: what a reply chunk is sized for. */
    REPLY_CHUNK_SIZE = 16 * 1024 - 64,
    /* First chunk of a reply that has no batch's room to go to. */
    REPLY_CHUNK_SIZE_MIN = 1024 - 64,
    /* A value of this size or more is referenced by a reply, not copied. */
    REPLY_SHARED_SIZE_MIN = 8 * 1024
};

/* What main decides per connection and I/O enforces; sent as a message when it changes. */
struct resp_limits {
    int64_t bulk_size_max;  /* proto-max-bulk-len, default 512 MB */
    int64_t query_size_max; /* client-query-buffer-limit, default 1 GB */
    int32_t argc_max;
    int32_t is_authenticated; /* false: the RESP_UNAUTHENTICATED_ limits hold too */
};

#endif
