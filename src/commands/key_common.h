/* What families do alike with the value at a key. Main thread. */
#ifndef COMMANDS_KEY_COMMON_H
#define COMMANDS_KEY_COMMON_H

#include "dispatch/call.h"
#include "keyspace/keyspace.h"

/* A value that a command works on; `entry` is NULL when the key is absent. */
struct value_at {
    struct key key;
    struct entry *entry;
    struct value value;
};

/* Takes the entry's value; false with the error written when it is of another type. */
static inline bool take_value(struct call *call, enum value_type type, struct value_at *at)
{
    if (!at->entry)
        return true;
    if (entry_type(at->entry) != type) {
        (void)call_wrong_type(call);
        return false;
    }
    at->value = entry_value(at->entry);
    return true;
}

static inline bool find_to_read(struct call *call, int index, enum value_type type,
                                struct value_at *at)
{
    at->key = call_key(call, index);
    at->entry = db_find_read(call->db, at->key);
    return take_value(call, type, at);
}

static inline bool find_to_write(struct call *call, int index, enum value_type type,
                                 struct value_at *at)
{
    at->key = call_key(call, index);
    at->entry = db_find_write(call->db, at->key);
    return take_value(call, type, at);
}

/* After each change: encoding and pointer may be others. */
static inline void put_back(struct entry *entry, struct value value)
{
    entry_set_pointer(entry, (enum value_encoding)value.encoding, value.pointer);
}

static inline void put_value_back(const struct value_at *at)
{
    put_back(at->entry, at->value);
}

/* The last element of the value went, and the key goes too. */
static inline void delete_emptied(struct call *call, struct key key)
{
    db_delete(call->db, key);
    db_notify(call->db, key.name, KEY_CLASS_GENERIC, "del");
}

/* What the command did to the key is passed on as its removal. */
static inline void propagate_removal(struct call *call, struct bytes name, bool is_lazy)
{
    const struct bytes argv[] = {bytes_of_text(is_lazy ? "UNLINK" : "DEL"), name};
    call_propagate(call, 2, argv);
}

#endif
