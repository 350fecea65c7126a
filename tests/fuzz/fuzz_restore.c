/* Fuzz target of values in the RDB format (libFuzzer's signature): the first byte is the type, the
 * rest what RESTORE would read. Whatever is accepted must pass the checker of its structure, be
 * written again, and read back as the same number of elements.
 *
 *   clang: -fsanitize=fuzzer,address -DFUZZ_NO_MAIN; gcc: the main below runs built-in seeds, files
 *   named as arguments, and a number of mutations of each.
 */
#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "keyspace/keyspace.h"
#include "persistence/rdb_format.h"
#include "persistence/rdb_value.h"
#include "types/hash_type.h"
#include "types/list_type.h"
#include "types/set_type.h"
#include "types/zset_type.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct type_settings settings = {.hash_max_listpack_entries = 8,
                                              .hash_max_listpack_value = 16,
                                              .set_max_intset_entries = 8,
                                              .set_max_listpack_entries = 8,
                                              .set_max_listpack_value = 16,
                                              .zset_max_listpack_entries = 8,
                                              .zset_max_listpack_value = 16,
                                              .list_max_listpack_size = -2,
                                              .list_compress_depth = 1};

/* Values that were accepted: for the main below, which knows how many of its seeds are. */
static size_t accepted;

static void check(struct value value)
{
    switch ((enum value_type)value.type) {
    case VALUE_LIST:
        list_check(value);
        return;
    case VALUE_SET:
        set_check(value);
        return;
    case VALUE_ZSET:
        zset_check(value);
        return;
    case VALUE_HASH:
        hash_check(value);
        return;
    case VALUE_STRING:
    case VALUE_MODULE:
    case VALUE_STREAM:
    case VALUE_TYPES:
        break;
    }
    panic("no such type");
}

/* Takes the value over. */
static void write_and_read(struct value value)
{
    struct entry *entry =
        entry_create(&(struct entry_parts){.key = bytes_of("k", 1),
                                           .expiry = ENTRY_NO_EXPIRY,
                                           .type = value.type,
                                           .encoding = value.encoding,
                                           .word = (uint64_t)(uintptr_t)value.pointer});
    struct rdb_writer writer;
    struct rdb_value again;
    rdb_writer_init(&writer, 1 << 30, RDB_VERSION_READ_MAX, true);
    rdb_write_value(&writer, entry);
    assert(!writer.has_failed);
    struct rdb_reader reader = rdb_reader_of(buffer_bytes(&writer.buffer));
    bool is_read = rdb_read_value(&reader, rdb_value_type(&writer, entry), &settings, &again);
    assert(is_read && rdb_reader_left(&reader) == 0);
    check(again.value);
    assert(value_count(again.value) == value_count(value));
    rdb_value_deinit(&again);
    rdb_writer_deinit(&writer);
    entry_free(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* Exactly as many bytes as there are, so that a sanitizer sees the end. */
    uint8_t *exact = malloc(size);
    memcpy(exact, data, size);
    struct rdb_reader reader = rdb_reader_of(bytes_of(exact + 1, size - 1));
    struct rdb_value value;
    if (rdb_read_value(&reader, exact[0], &settings, &value)) {
        accepted++;
        if (!value.is_string) {
            check(value.value);
            assert(value_count(value.value) > 0);
            write_and_read(value.value);
            value.value.pointer = NULL;
        }
        rdb_value_deinit(&value);
    }
    free(exact);
    return 0;
}

#ifndef FUZZ_NO_MAIN

struct seed {
    const char *bytes;
    size_t size;
};

#define SEED(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

static const struct seed seeds[] = {
    SEED("\x00\xc3\x05\x14\x00\x61\xe0\x0a\x00"),
    SEED("\x01\x03\x01\x61\xc0\x05\x02\x62\x62"),
    SEED("\x02\x02\x01\x61\xc1\x05\x01"),
    SEED("\x03\x02\x01\x61\x03\x31\x2e\x35\x01\x62\xfe"),
    SEED("\x04\x02\x01\x61\x01\x62\x01\x63\x00"),
    SEED("\x05\x01\x01\x61\x00\x00\x00\x00\x00\x00\xf0\x3f"),
    /* zipmap */
    SEED("\x09\x0b\x01\x01\x61\x03\x02\x76\x76\x76zz\xff"),
    SEED("\x09\x0a\x02\x01\x61\x00\x00\x01\x62\x00\x00\xff"),
    /* ziplists */
    SEED("\x0a\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01\x61\x03\xf2\xff"),
    SEED("\x0d\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01\x61\x03\xf2\xff"),
    SEED("\x0c\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01\x61\x03\xf2\xff"),
    SEED("\x0e\x01\x10\x10\x00\x00\x00\x0d\x00\x00\x00\x02\x00\x00\x01\x61\x03\xf2\xff"),
    /* intset */
    SEED("\x0b\x0c\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00"),
    /* listpacks: a b; a 1; a b 5 */
    SEED("\x10\x0d\x0d\x00\x00\x00\x02\x00\x81\x61\x02\x81\x62\x02\xff"),
    SEED("\x11\x0c\x0c\x00\x00\x00\x02\x00\x81\x61\x02\x01\x01\xff"),
    SEED("\x14\x0d\x0d\x00\x00\x00\x02\x00\x81\x61\x02\x81\x62\x02\xff"),
    SEED("\x12\x02\x02\x0d\x0d\x00\x00\x00\x02\x00\x81\x61\x02\x81\x62\x02\xff\x01\x03xyz"),
    SEED("\x17\x0f\x0f\x00\x00\x00\x03\x00\x81\x61\x02\x81\x62\x02\x05\x01\xff"),
    SEED("\x19\x05\x00\x00\x00\x00\x00\x00\x00\x0f\x0f\x00\x00\x00\x03\x00\x81\x61\x02\x81\x62\x02"
         "\x05\x01\xff"),
    SEED("\x18\x05\x00\x00\x00\x00\x00\x00\x00\x02\x01\x01\x61\x01\x62\x00\x01\x63\x00"),
    SEED("\x16\x01\x05\x01\x61\x01\x62"),
};

enum { MUTATIONS = 60000, EDITS_MAX = 4, SIZE_MAX_MUTATED = 512 };

static void mutate(const uint8_t *bytes, size_t size)
{
    uint8_t copy[SIZE_MAX_MUTATED];
    if (size > SIZE_MAX_MUTATED)
        size = SIZE_MAX_MUTATED;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        size_t used = size;
        memcpy(copy, bytes, size);
        for (uint64_t edits = 1 + random_below(EDITS_MAX); edits > 0; edits--) {
            /* The type changes rarely. */
            size_t at = random_below(16) ? (used > 1 ? 1 + random_below(used - 1) : 0) : 0;
            switch (random_below(4)) {
            case 0:
                copy[at] = (uint8_t)random_u64();
                break;
            case 1:
                copy[at] ^= (uint8_t)(1u << random_below(8));
                break;
            case 2:
                copy[at] = copy[random_below(used)];
                break;
            default:
                used = random_below(8) ? used : 1 + random_below(used);
            }
        }
        LLVMFuzzerTestOneInput(copy, used);
    }
}

static void run_file(const char *name)
{
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(name, "rb");
    assert(file);
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    LLVMFuzzerTestOneInput(bytes, size);
    mutate(bytes, size);
}

int main(int argc, char **argv)
{
    mem_init();
    hash_init();
    random_seed(1);
    for (int i = 1; i < argc; i++)
        run_file(argv[i]);
    for (size_t i = 0; argc == 1 && i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        size_t before = accepted;
        LLVMFuzzerTestOneInput((const uint8_t *)seeds[i].bytes, seeds[i].size);
        if (accepted == before)
            panic("seed %zu is not accepted", i);
        mutate((const uint8_t *)seeds[i].bytes, seeds[i].size);
    }
    printf("fuzz_restore: %zu values accepted\n", accepted);
    return 0;
}

#endif
