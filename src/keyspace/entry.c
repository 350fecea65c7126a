/* Building and measuring entries. Main thread; entry_free also on the lazy-free worker, for entries
 * without shared bytes. */
#include "keyspace/entry.h"
#include "base/memory.h"
#include "protocol/limits.h"

static size_t layout_size(size_t key_size, bool expires, bool has_word, size_t embedded_size)
{
    return sizeof(struct entry) + (expires ? 8 : 0) + (has_word ? 8 : 0) +
           (key_size > ENTRY_SHORT_KEY_MAX ? sizeof(uint64_t) : 0) + key_size + embedded_size;
}

size_t entry_size(const struct entry *entry)
{
    return layout_size(entry_key(entry).size, entry_expires(entry), !entry_is_embedded(entry),
                       entry_is_embedded(entry) ? entry->value_size : 0);
}

size_t entry_parts_size(const struct entry_parts *parts)
{
    return layout_size(parts->key.size, parts->expiry != ENTRY_NO_EXPIRY, !parts->is_embedded,
                       parts->is_embedded ? parts->embedded.size : 0);
}

struct entry_parts entry_parts_of(const struct entry *entry)
{
    struct entry_parts parts = {
        .key = entry_key(entry),
        .expiry = entry_expiry(entry),
        .type = (uint8_t)entry->type,
        .encoding = (uint8_t)entry->encoding,
        .is_embedded = entry_is_embedded(entry),
    };
    if (parts.is_embedded)
        parts.embedded = bytes_of(parts.key.data + parts.key.size, entry->value_size);
    else
        parts.word = (uint64_t)entry_integer(entry);
    return parts;
}

struct entry *entry_create(const struct entry_parts *parts)
{
    assert(!parts->is_embedded || parts->embedded.size <= UINT16_MAX);
    struct entry *entry = mem_alloc(entry_class(entry_parts_size(parts)));
    bool expires = parts->expiry != ENTRY_NO_EXPIRY;
    bool is_long = parts->key.size > ENTRY_SHORT_KEY_MAX;
    entry->type = parts->type & 15;
    entry->encoding = parts->encoding & 15;
    entry->access = 0;
    entry->flags = (uint8_t)((expires ? ENTRY_EXPIRES : 0) | (is_long ? ENTRY_LONG_KEY : 0) |
                             (parts->is_embedded ? 0 : ENTRY_HAS_WORD));
    entry->key_size = is_long ? 0 : (uint8_t)parts->key.size;
    entry->value_size = 0;
    char *at = entry->body;
    if (expires) {
        *(int64_t *)(void *)at = parts->expiry;
        at += 8;
    }
    if (!parts->is_embedded) {
        *(uint64_t *)(void *)at = parts->word;
        at += 8;
    }
    if (is_long) {
        uint64_t size = parts->key.size;
        memcpy(at, &size, sizeof(size));
        at += sizeof(size);
    }
    memcpy(at, parts->key.data, parts->key.size);
    if (parts->is_embedded) {
        entry->value_size = (uint16_t)parts->embedded.size;
        if (parts->embedded.data)
            memcpy(at + parts->key.size, parts->embedded.data, parts->embedded.size);
    }
    return entry;
}

void entry_free_shell(struct entry *entry)
{
    mem_free(entry);
}

void entry_free(struct entry *entry)
{
    if (!entry_is_string(entry)) {
        value_free(entry_value(entry));
    } else {
        struct shared_bytes *shared = entry_shared(entry);
        if (shared)
            shared_bytes_release(shared);
    }
    mem_free(entry);
}

size_t entry_string_size(const struct entry *entry)
{
    char scratch[NUMBER_I64_TEXT_MAX];
    return entry_string(entry, scratch).size;
}

bool entry_should_embed(size_t key_size, bool expires, size_t size)
{
    if (size <= 64)
        return true;
    if (size >= REPLY_SHARED_SIZE_MIN)
        return false;
    size_t together = entry_class(layout_size(key_size, expires, false, size));
    size_t apart = entry_class(layout_size(key_size, expires, true, 0)) +
                   entry_class(sizeof(struct shared_bytes) + size + 3);
    return together <= apart;
}

size_t entry_memory(const struct entry *entry, size_t samples)
{
    size_t memory = entry_class(entry_size(entry));
    if (!entry_is_string(entry))
        return memory + value_memory(entry_value(entry), samples);
    const struct shared_bytes *shared = entry_shared(entry);
    return shared ? memory + mem_usable_size(shared) : memory;
}
