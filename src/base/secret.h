/* An allocated string of bytes that may hold any byte, wiped when it is freed. NULL is the empty
 * one. For passwords, which clients may choose with NUL bytes. Any thread; one owner. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include "base/bytes.h"

struct secret {
    size_t size;
    char data[];
};

/* NULL when `bytes` is empty. */
struct secret *secret_create(struct bytes bytes);
/* May be NULL. */
void secret_free(struct secret *secret);

/* The content; empty (and not NULL) for none. */
static inline struct bytes secret_bytes(const struct secret *secret)
{
    return secret ? bytes_of(secret->data, secret->size) : BYTES_LITERAL("");
}

#endif
