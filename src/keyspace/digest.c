/* Fingerprints of data. Elements whose order matters are mixed in, others are XORed. Main thread.
 */
#include "keyspace/digest.h"
#include "types/hash_type.h"
#include "types/list_type.h"
#include "types/set_type.h"
#include "types/zset_ranges.h"
#include <arpa/inet.h>
#include <stdio.h>

static void xor_in(uint8_t digest[SHA1_SIZE], struct bytes text)
{
    uint8_t hash[SHA1_SIZE];
    sha1(text.data, text.size, hash);
    for (int i = 0; i < SHA1_SIZE; i++)
        digest[i] ^= hash[i];
}

static void mix_in(uint8_t digest[SHA1_SIZE], struct bytes text)
{
    uint8_t before[SHA1_SIZE];
    xor_in(digest, text);
    memcpy(before, digest, SHA1_SIZE);
    sha1(before, SHA1_SIZE, digest);
}

static void mix_number(uint8_t digest[SHA1_SIZE], uint32_t number)
{
    uint32_t big_endian = htonl(number);
    mix_in(digest, bytes_of(&big_endian, sizeof(big_endian)));
}

static void digest_list(struct value list, uint8_t digest[SHA1_SIZE])
{
    struct quicklist_iterator iterator;
    struct listpack_value element;
    char scratch[NUMBER_I64_TEXT_MAX];
    list_iterator_init(&iterator, list, 0, false);
    while (quicklist_iterate(&iterator, &element))
        mix_in(digest, listpack_value_text(element, scratch));
    quicklist_iterator_deinit(&iterator);
}

static void digest_set(struct value set, uint8_t digest[SHA1_SIZE])
{
    struct set_iterator iterator;
    struct listpack_value member;
    char scratch[NUMBER_I64_TEXT_MAX];
    set_iterator_init(&iterator, set);
    while (set_iterate(&iterator, &member))
        xor_in(digest, listpack_value_text(member, scratch));
}

static void digest_zset(struct value zset, uint8_t digest[SHA1_SIZE])
{
    struct zset_walk walk;
    struct zset_item item;
    zset_walk_from(&walk, zset, 0, false);
    while (zset_walk_next(&walk, &item)) {
        uint8_t element[SHA1_SIZE] = {0};
        char score[128];
        int size = snprintf(score, sizeof(score), "%.17g", item.score);
        mix_in(element, item.member);
        mix_in(element, bytes_of(score, (size_t)size));
        xor_in(digest, bytes_of(element, SHA1_SIZE));
    }
}

static void digest_field(void *context, const struct hash_item *item)
{
    uint8_t element[SHA1_SIZE] = {0};
    mix_in(element, item->name);
    mix_in(element, item->value);
    if (item->expiry != HASH_NO_EXPIRY)
        xor_in(element, BYTES_LITERAL("!!hexpire!!"));
    xor_in(context, bytes_of(element, SHA1_SIZE));
}

void digest_entry(const struct entry *entry, uint8_t digest[SHA1_SIZE])
{
    char scratch[NUMBER_I64_TEXT_MAX];
    mix_number(digest, entry->type);
    switch (entry_type(entry)) {
    case VALUE_STRING:
        mix_in(digest, entry_string(entry, scratch));
        break;
    case VALUE_LIST:
        digest_list(entry_value(entry), digest);
        break;
    case VALUE_SET:
        digest_set(entry_value(entry), digest);
        break;
    case VALUE_ZSET:
        digest_zset(entry_value(entry), digest);
        break;
    case VALUE_HASH:
        hash_each(entry_value(entry), digest_field, digest);
        break;
    case VALUE_MODULE:
    case VALUE_STREAM:
    case VALUE_TYPES:
        break;
    }
    if (entry_expires(entry))
        xor_in(digest, BYTES_LITERAL("!!expire!!"));
}

static void digest_key(void *context, void *opaque)
{
    const struct entry *entry = opaque;
    uint8_t digest[SHA1_SIZE] = {0};
    mix_in(digest, entry_key(entry));
    digest_entry(entry, digest);
    xor_in(context, bytes_of(digest, SHA1_SIZE));
}

void digest_keyspace(struct keyspace *keyspace, uint8_t digest[SHA1_SIZE])
{
    memset(digest, 0, SHA1_SIZE);
    for (int i = 0; i < keyspace->count; i++) {
        struct db *db = &keyspace->dbs[i];
        if (db_count(db) == 0)
            continue;
        mix_number(digest, (uint32_t)i);
        dict_each(&db->keys, digest_key, digest);
    }
}
