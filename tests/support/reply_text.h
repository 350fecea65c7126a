/* What a reply says, for tests that compare it. */
#ifndef SUPPORT_REPLY_TEXT_H
#define SUPPORT_REPLY_TEXT_H

#include "base/memory.h"
#include "protocol/reply_chain.h"
#include <string.h>

/* All bytes of the chain, ended by a NUL; to be freed with mem_free. */
static inline char *reply_text(const struct reply_chain *chain)
{
    char *text = mem_alloc(chain->size + 1);
    char *end = text;
    for (const struct reply_chunk *chunk = chain->head; chunk; chunk = chunk->next) {
        memcpy(end, chunk->bytes, chunk->size);
        end += chunk->size;
    }
    *end = '\0';
    return text;
}

/* The same; the chain becomes empty. */
static inline char *reply_take(struct reply_chain *chain)
{
    char *text = reply_text(chain);
    reply_chain_free(chain);
    return text;
}

#endif
