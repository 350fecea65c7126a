/* Values as RDB files and DUMP payloads hold them: a byte of type, and what belongs to the type.
 *
 * Everything that older versions wrote is read (ziplists, zipmaps, quicklists of ziplists); what is
 * written redis 7.0 can read, except hashes whose fields expire, which need 7.4. Bytes that are
 * read are taken for hostile: packed forms are walked through, members must differ, scores be in
 * order. Main thread.
 */
#ifndef PERSISTENCE_RDB_VALUE_H
#define PERSISTENCE_RDB_VALUE_H

#include "keyspace/entry.h"
#include "persistence/rdb_reader.h"
#include "persistence/rdb_writer.h"
#include "types/type_options.h"
#include "types/value.h"

/* -- writing -- */

/* The lowest RDB version that can hold the value. */
unsigned rdb_value_version(const struct entry *entry);
/* enum rdb_type for the writer's version. */
unsigned rdb_value_type(const struct rdb_writer *writer, const struct entry *entry);
/* The value without its type. */
void rdb_write_value(struct rdb_writer *writer, const struct entry *entry);

/* -- reading -- */

/* A value that was read: a string, or one of the other types, which the caller takes over. */
struct rdb_value {
    bool is_string;
    struct rdb_string string;
    struct value value;
};

/* False when the bytes are no such value, or an empty one. Else to be ended with
 * rdb_value_deinit, unless `value` was taken over and its pointer set to NULL. */
bool rdb_read_value(struct rdb_reader *reader, unsigned type, const struct type_settings *settings,
                    struct rdb_value *value);
void rdb_value_deinit(struct rdb_value *value);

#endif
