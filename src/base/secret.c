/* See secret.h. */
#include "base/secret.h"

#include "base/memory.h"

struct secret *secret_create(struct bytes bytes)
{
    if (bytes.size == 0)
        return NULL;
    struct secret *secret = mem_alloc(sizeof *secret + bytes.size);
    secret->size = bytes.size;
    memcpy(secret->data, bytes.data, bytes.size);
    return secret;
}

void secret_free(struct secret *secret)
{
    if (secret)
        mem_free_secret(secret, sizeof *secret + secret->size);
}
