/* The table of types. A type that is added fills its row here. */
#include "types/value.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "types/hash_type.h"
#include "types/list_type.h"
#include "types/set_type.h"
#include "types/zset_type.h"

static const struct value_ops string_ops = {.name = "string"};
static const struct value_ops module_ops = {.name = "module"};
static const struct value_ops stream_ops = {.name = "stream"};

static const struct value_ops *const operations[VALUE_TYPES] = {
    [VALUE_STRING] = &string_ops,   [VALUE_LIST] = &list_value_ops, [VALUE_SET] = &set_value_ops,
    [VALUE_ZSET] = &zset_value_ops, [VALUE_HASH] = &hash_value_ops, [VALUE_MODULE] = &module_ops,
    [VALUE_STREAM] = &stream_ops,
};

static const char *const encoding_names[ENCODINGS] = {
    [ENCODING_RAW] = "raw",
    [ENCODING_INT] = "int",
    [ENCODING_EMBSTR] = "embstr",
    [ENCODING_HASHTABLE] = "hashtable",
    [ENCODING_QUICKLIST] = "quicklist",
    [ENCODING_INTSET] = "intset",
    [ENCODING_SKIPLIST] = "skiplist",
    [ENCODING_STREAM] = "stream",
    [ENCODING_LISTPACK] = "listpack",
    [ENCODING_LISTPACK_EX] = "listpackex",
};

const struct value_ops *value_ops(enum value_type type)
{
    assert(type < VALUE_TYPES);
    return operations[type];
}

const char *value_type_name(enum value_type type)
{
    return value_ops(type)->name;
}

const char *value_encoding_name(enum value_encoding encoding)
{
    assert(encoding < ENCODINGS);
    return encoding_names[encoding];
}

int value_type_of_name(const char *name, size_t size)
{
    for (int type = 0; type < VALUE_TYPES; type++)
        if (bytes_is(bytes_of(name, size), operations[type]->name))
            return type;
    return -1;
}

void value_free(struct value value)
{
    assert(operations[value.type]->free);
    operations[value.type]->free(value);
}

struct value value_copy(struct value value)
{
    assert(operations[value.type]->copy);
    return operations[value.type]->copy(value);
}

size_t value_memory(struct value value, size_t samples)
{
    assert(operations[value.type]->memory);
    return operations[value.type]->memory(value, samples);
}

size_t value_free_effort(struct value value)
{
    return operations[value.type]->free_effort ? operations[value.type]->free_effort(value) : 1;
}

size_t value_count(struct value value)
{
    return operations[value.type]->count ? operations[value.type]->count(value) : 0;
}
