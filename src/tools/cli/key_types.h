/* What the modes that look at every key ask of a page of them: types, memory, lengths. */
#ifndef TOOLS_CLI_KEY_TYPES_H
#define TOOLS_CLI_KEY_TYPES_H

#include "base/number.h"
#include "tools/cli/key_scan.h"

enum { KEY_TYPES_MAX = 64 };

struct key_type {
    char name[64];
    const char *length_command; /* NULL: elements cannot be counted */
    const char *unit;
};

struct key_types {
    struct key_type rows[KEY_TYPES_MAX];
    size_t count;
};

struct key_page {
    const struct reply_value *keys;
    const struct key_type **types; /* of each key; NULL when it is gone */
};

void key_types_init(struct key_types *types);
/* Which row a type is. */
size_t key_types_index(const struct key_types *types, const struct key_type *type);

/* Asks for the type of each key. False when interrupted: then there is nothing to release. */
bool key_page_init(struct key_page *page, struct key_scan *scan, struct key_types *types,
                   const struct reply_value *keys) MUST_CHECK;
void key_page_deinit(struct key_page *page);
/* As key_scan_ask: MEMORY USAGE (--memkeys-samples), and the type's length command. */
bool key_page_ask_memory(const struct key_page *page, struct key_scan *scan,
                         struct reply_value **replies) MUST_CHECK;
bool key_page_ask_lengths(const struct key_page *page, struct key_scan *scan,
                          struct reply_value **replies) MUST_CHECK;

/* A key's name as people read it; the caller frees it. */
char *key_quote(struct bytes key);

#endif
