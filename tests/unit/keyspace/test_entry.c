/* Layout and memory of entries. */
#include "base/memory.h"
#include "keyspace/entry.h"
#include "protocol/limits.h"
#include <criterion/criterion.h>

static struct entry_parts embedded(size_t key_size, size_t value_size, int64_t expiry)
{
    static char text[70000];
    memset(text, 'k', sizeof(text));
    return (struct entry_parts){.key = bytes_of(text, key_size),
                                .expiry = expiry,
                                .type = VALUE_STRING,
                                .encoding = ENCODING_EMBSTR,
                                .is_embedded = true,
                                .embedded = bytes_of(text, value_size)};
}

static size_t class_of(struct entry_parts parts)
{
    return entry_class(entry_parts_size(&parts));
}

Test(entry, memory_goals)
{
    struct entry_parts integer = embedded(16, 0, ENTRY_NO_EXPIRY);
    integer.is_embedded = false;
    cr_assert_eq(class_of(integer), 32);
    cr_assert_eq(class_of(embedded(16, 8, ENTRY_NO_EXPIRY)), 32);
    cr_assert_eq(class_of(embedded(16, 64, ENTRY_NO_EXPIRY)), 96);
    cr_assert_eq(class_of(embedded(16, 64, 5)), 96);
}

Test(entry, classes_are_the_allocators)
{
#ifdef USE_JEMALLOC
    for (size_t size = 9; size < 20000; size++)
        cr_assert_eq(entry_class(size), mem_good_size(size), "size %zu", size);
#endif
    cr_assert_geq(entry_class(1), 1);
}

Test(entry, parts_survive)
{
    static const size_t key_sizes[] = {0, 1, 16, 254, 255, 256, 60000};
    static const int64_t expiries[] = {ENTRY_NO_EXPIRY, 0, 5, INT64_MAX};
    for (size_t k = 0; k < sizeof(key_sizes) / sizeof(key_sizes[0]); k++)
        for (size_t e = 0; e < 4; e++)
            for (int form = 0; form < 2; form++) {
                struct entry_parts parts = embedded(key_sizes[k], 33, expiries[e]);
                parts.is_embedded = form == 0;
                parts.encoding = form == 0 ? ENCODING_RAW : ENCODING_INT;
                parts.word = 77;
                struct entry *entry = entry_create(&parts);
                cr_assert_eq(entry_size(entry), entry_parts_size(&parts));
                struct entry_parts back = entry_parts_of(entry);
                cr_assert(bytes_equal(back.key, parts.key));
                cr_assert_eq(back.expiry, parts.expiry);
                cr_assert_eq(back.encoding, parts.encoding);
                cr_assert_eq(back.is_embedded, parts.is_embedded);
                if (form == 0)
                    cr_assert(bytes_equal(back.embedded, parts.embedded));
                else
                    cr_assert_eq(entry_integer(entry), 77);
                cr_assert_eq(entry_string_size(entry), form == 0 ? 33 : 2);
                entry_free(entry);
            }
}

Test(entry, embedding_takes_the_least_memory)
{
    for (size_t size = 65; size < REPLY_SHARED_SIZE_MIN; size++) {
        size_t together = entry_class(8 + 16 + size);
        size_t apart =
            entry_class(8 + 8 + 16) + entry_class(sizeof(struct shared_bytes) + size + 3);
        cr_assert_eq(entry_should_embed(16, false, size), together <= apart, "size %zu", size);
    }
    cr_assert(entry_should_embed(16, false, 0));
    cr_assert_not(entry_should_embed(16, false, REPLY_SHARED_SIZE_MIN));
}
