/* Hashes as values. Small ones are a listpack of name, value, name, value; once a field expires, of
 * name, value, time (listpackex), those that expire first, in order of time, then those that do not
 * (time 0). Large ones are a table of fields, each one allocation, and an index of those that
 * expire.
 *
 * A field whose time is past `now_ms` is not found, though it may still be there: removing such
 * fields is hash_field_expiry.h. Functions that change take the value by pointer: encoding and
 * pointer may change, and the owner stores them again. Main thread, except `free`.
 */
#ifndef TYPES_HASH_TYPE_H
#define TYPES_HASH_TYPE_H

#include "base/bytes.h"
#include "structures/dict.h"
#include "structures/expiry_index.h"
#include "structures/listpack.h"
#include "types/type_options.h"
#include "types/value.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_NO_EXPIRY = 0 };

/* The value behind ENCODING_HASHTABLE. */
struct hash_table {
    struct dict fields;         /* of struct hash_field */
    struct expiry_index expiry; /* of those that expire */
};

/* [u64 sizes of name and value, when long][i64 wall ms, when it expires] name value */
struct hash_field {
    uint32_t name_size; /* with the flags */
    uint32_t value_size;
    char body[];
};

enum {
    HASH_FIELD_EXPIRES = 1 << 30,
    HASH_FIELD_LONG = 1 << 29, /* 64-bit sizes stand in front */
    HASH_FIELD_SIZE_MASK = HASH_FIELD_LONG - 1
};

/* A field that was found. The slices may point into the item itself: do not copy it. */
struct hash_item {
    struct bytes name;
    struct bytes value;
    int64_t expiry; /* wall ms or HASH_NO_EXPIRY */
    char name_text[NUMBER_I64_TEXT_MAX];
    char value_text[NUMBER_I64_TEXT_MAX];
};

struct value hash_create(void);
/* Leaves the listpack when names and values, in turns in argv[0..argc), are known not to fit. */
void hash_expect(struct value *hash, const struct type_settings *settings, const struct bytes *argv,
                 int argc);

/* Sets a field; true when it was not there (not even expired). Its expiry goes unless kept. */
bool hash_set(struct value *hash, const struct type_settings *settings, struct bytes name,
              struct bytes value, bool keeps_expiry);
/* False when absent. An empty hash stays a value: its owner deletes the key. */
bool hash_delete(struct value *hash, struct bytes name);

/* Fields that are there, expired ones included. */
size_t hash_count(struct value hash);
/* False when absent or expired at now_ms. */
bool hash_get(struct value hash, struct bytes name, int64_t now_ms, struct hash_item *item);
static inline bool hash_item_is_live(const struct hash_item *item, int64_t now_ms)
{
    return item->expiry == HASH_NO_EXPIRY || item->expiry >= now_ms;
}

/* Visits every field, expired ones included; `visit` must not change the hash. */
void hash_each(struct value hash, void (*visit)(void *context, const struct hash_item *item),
               void *context);
/* A random field, expired ones included; the hash has some. */
void hash_random(struct value hash, struct hash_item *item);
/* The item of an entry of the table (dict_scan, dict_random). */
void hash_read_field(const struct hash_field *field, struct hash_item *item);

/* Aborts when an invariant does not hold. */
void hash_check(struct value hash);

/* For the table of types. */
extern const struct value_ops hash_value_ops;

/* -- shared with hash_field_expiry.c -- */

static inline bool hash_is_packed(struct value hash)
{
    return hash.encoding != ENCODING_HASHTABLE;
}

static inline struct listpack *hash_pack(struct value hash)
{
    assert(hash_is_packed(hash));
    return (struct listpack *)hash.pointer;
}

static inline struct hash_table *hash_table_of(struct value hash)
{
    assert(!hash_is_packed(hash));
    return (struct hash_table *)hash.pointer;
}

/* Elements of the listpack for each field. */
static inline uint32_t hash_pack_width(struct value hash)
{
    return hash.encoding == ENCODING_LISTPACK_EX ? 3 : 2;
}

struct hash_field *hash_field_create(struct bytes name, struct bytes value, int64_t expiry);
/* The item of the field whose name is at `position` of a listpack. */
void hash_pack_read(struct value hash, uint32_t position, struct hash_item *item);
/* Puts a field into a listpackex where its time belongs; it must be absent. */
void hash_pack_put_ex(struct listpack **pack, struct bytes name, struct bytes value,
                      int64_t expiry);
/* To a table, or from listpack to listpackex. */
void hash_to_table(struct value *hash, size_t count);
void hash_to_listpack_ex(struct value *hash);

#endif
