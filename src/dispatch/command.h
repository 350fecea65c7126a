/* Commands. A family of commands is a file in commands/ with static handlers and, at its bottom,
 * one exported table of `command_spec` rows; commands/all.c lists the tables. The rows are
 * constant; what changes while the server runs (statistics, a new name) is in `struct command`, one
 * per row.
 */
#ifndef DISPATCH_COMMAND_H
#define DISPATCH_COMMAND_H

#include "base/bytes.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

enum command_flag {
    COMMAND_WRITE = 1 << 0,
    COMMAND_READONLY = 1 << 1,
    COMMAND_DENYOOM = 1 << 2,
    COMMAND_ADMIN = 1 << 3,
    COMMAND_PUBSUB = 1 << 4,
    COMMAND_NOSCRIPT = 1 << 5,
    COMMAND_BLOCKING = 1 << 6,
    COMMAND_LOADING = 1 << 7,
    COMMAND_STALE = 1 << 8,
    COMMAND_SKIP_MONITOR = 1 << 9,
    COMMAND_SKIP_SLOWLOG = 1 << 10,
    COMMAND_ASKING = 1 << 11,
    COMMAND_FAST = 1 << 12,
    COMMAND_NO_AUTH = 1 << 13,
    COMMAND_MAY_REPLICATE = 1 << 14,
    COMMAND_NO_MANDATORY_KEYS = 1 << 15,
    COMMAND_NO_ASYNC_LOADING = 1 << 16,
    COMMAND_NO_MULTI = 1 << 17,
    COMMAND_ALLOW_BUSY = 1 << 18,
    COMMAND_MOVABLE_KEYS = 1 << 19,
    COMMAND_PROTECTED = 1 << 20,
    COMMAND_TOUCHES_ARBITRARY_KEYS = 1 << 21,
    COMMAND_SENTINEL_ONLY = 1 << 22
};

/* ACL categories besides those that follow from flags (write, read, admin, dangerous, ...). */
enum command_category {
    CATEGORY_KEYSPACE = 1 << 0,
    CATEGORY_READ = 1 << 1,
    CATEGORY_WRITE = 1 << 2,
    CATEGORY_SET = 1 << 3,
    CATEGORY_SORTEDSET = 1 << 4,
    CATEGORY_LIST = 1 << 5,
    CATEGORY_HASH = 1 << 6,
    CATEGORY_STRING = 1 << 7,
    CATEGORY_BITMAP = 1 << 8,
    CATEGORY_HYPERLOGLOG = 1 << 9,
    CATEGORY_GEO = 1 << 10,
    CATEGORY_STREAM = 1 << 11,
    CATEGORY_PUBSUB = 1 << 12,
    CATEGORY_ADMIN = 1 << 13,
    CATEGORY_FAST = 1 << 14,
    CATEGORY_SLOW = 1 << 15,
    CATEGORY_BLOCKING = 1 << 16,
    CATEGORY_DANGEROUS = 1 << 17,
    CATEGORY_CONNECTION = 1 << 18,
    CATEGORY_TRANSACTION = 1 << 19,
    CATEGORY_SCRIPTING = 1 << 20
};

enum key_spec_flag {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_NOT_KEY = 1 << 8,
    KEY_INCOMPLETE = 1 << 9,
    KEY_VARIABLE_FLAGS = 1 << 10
};

/* Where keys stand in a command (COMMAND INFO's key specifications). */
struct key_spec {
    uint16_t flags;
    enum { KEY_SPEC_NONE, KEY_SPEC_INDEX, KEY_SPEC_KEYWORD, KEY_SPEC_UNKNOWN } begin;
    int index;           /* INDEX: position; KEYWORD: start searching from */
    const char *keyword; /* KEYWORD */
    enum { KEY_FIND_RANGE, KEY_FIND_KEYNUM, KEY_FIND_UNKNOWN } find;
    int last;  /* RANGE: relative to the first; negative counts from the end. KEYNUM: index of the
                  number */
    int step;  /* both */
    int limit; /* RANGE: 2 is half of the arguments, ... KEYNUM: first key after the number */
};

enum { COMMAND_KEY_SPECS_MAX = 4 };

typedef void command_handler(struct call *call);

struct command_spec {
    const char *name; /* lower case */
    command_handler *handler;
    int arity; /* exact, or at least -arity; counts the name (and the container's) */
    uint32_t flags;
    uint32_t categories; /* those that flags do not imply */
    struct key_spec keys[COMMAND_KEY_SPECS_MAX];
    const struct command_spec *subcommands; /* ends with a NULL name; NULL when not a container */
    /* Positions of keys when the specs cannot say (movable keys); returns count or -1. May be NULL.
     */
    /* What a call does to its keys, where a specification says KEY_VARIABLE_FLAGS. May be NULL. */
    uint16_t (*key_flags)(const struct bytes *argv, int argc);
    int (*find_keys)(const struct bytes *argv, int argc, int *positions, int positions_max);
};

/* Most commands have one key, first argument. */
#define KEY_FIRST(key_flags)                                                                       \
    {                                                                                              \
        {                                                                                          \
            .flags = (key_flags), .begin = KEY_SPEC_INDEX, .index = 1, .find = KEY_FIND_RANGE,     \
            .last = 0, .step = 1                                                                   \
        }                                                                                          \
    }
#define KEY_ALL(key_flags, every)                                                                  \
    {                                                                                              \
        {                                                                                          \
            .flags = (key_flags), .begin = KEY_SPEC_INDEX, .index = 1, .find = KEY_FIND_RANGE,     \
            .last = -1, .step = (every)                                                            \
        }                                                                                          \
    }

/* Statistics of one command; main thread. */
struct command_stats {
    uint64_t calls;
    uint64_t ns; /* sum of run times */
    uint64_t rejected_calls;
    uint64_t failed_calls;
    uint32_t *histogram; /* latency, allocated at the first call (observability) */
};

/* A command of the running server. Name and spec never change after start, so I/O threads look
 * commands up without asking; the statistics are main's. */
struct command {
    const struct command_spec *spec;
    const char *name;   /* "get", "client|list": what errors and statistics say */
    const char *called; /* what clients call it: the name, or what rename-command gave it */
    size_t called_size;
    struct command *parent; /* container of a subcommand */
    struct command *subcommands;
    uint32_t subcommand_count;
    uint32_t id;
    uint32_t flags; /* spec's and derived */
    uint32_t categories;
    int16_t first_key; /* legacy triple of COMMAND INFO; also where the first key is, 0: none */
    int16_t last_key;
    int16_t step;
    /* Main writes these with every call; the lines above stay in the I/O threads' caches. */
    struct command_stats stats __attribute__((aligned(64)));
};

struct command_table;

struct command_table *command_table_create(void);
void command_table_destroy(struct command_table *table);
/* Adds all rows of `specs` (ended by a NULL name). At start only. */
void command_table_add(struct command_table *table, const struct command_spec *specs);
/* rename-command: a NULL or empty new name removes. 0, or -1 when the old does not exist or the new
 * does. At start only. */
int command_table_rename(struct command_table *table, const char *name, const char *new_name);
/* Looks up argv[0], and argv[1] in a container: *command is the container itself when the
 * subcommand is unknown. Case-insensitive. NULL when unknown. Any thread after start. */
struct command *command_lookup(const struct command_table *table, const struct bytes *argv,
                               int argc);
/* "client|list" or "client list" forms are both found. */
struct command *command_lookup_name(const struct command_table *table, struct bytes name);
/* Calls visit for each top-level command, in table order. */
void command_table_each(const struct command_table *table,
                        void (*visit)(struct command *command, void *context), void *context);
size_t command_table_count(const struct command_table *table);

#endif
