/* The table of encoding thresholds. */
#include "types/type_options.h"

#include <limits.h>

#include "base/option_rows.h"

#define COUNT(field, name, alias, flags, value, lowest)                                            \
    OPTION_ROW_INT(type_settings, field, name, alias, flags, value, lowest, INT_MAX)
#define ENTRIES(field, name, alias, value)                                                         \
    OPTION_ROW_INT(type_settings, field, name, alias, 0, value, 0, LONG_MAX)
#define BYTES(field, name, alias, value)                                                           \
    OPTION_ROW_MEMORY(type_settings, field, name, alias, 0, value, 0, LONG_MAX)

static const struct option rows[] = {
    ENTRIES(hash_max_listpack_entries, "hash-max-listpack-entries", "hash-max-ziplist-entries",
            "512"),
    BYTES(hash_max_listpack_value, "hash-max-listpack-value", "hash-max-ziplist-value", "64"),
    ENTRIES(set_max_intset_entries, "set-max-intset-entries", NULL, "512"),
    ENTRIES(set_max_listpack_entries, "set-max-listpack-entries", NULL, "128"),
    ENTRIES(set_max_listpack_value, "set-max-listpack-value", NULL, "64"),
    ENTRIES(zset_max_listpack_entries, "zset-max-listpack-entries", "zset-max-ziplist-entries",
            "128"),
    BYTES(zset_max_listpack_value, "zset-max-listpack-value", "zset-max-ziplist-value", "64"),
    COUNT(list_max_listpack_size, "list-max-listpack-size", "list-max-ziplist-size", 0, "-2",
          INT_MIN),
    COUNT(list_compress_depth, "list-compress-depth", NULL, 0, "0", 0),
    BYTES(stream_node_max_bytes, "stream-node-max-bytes", NULL, "4096"),
    ENTRIES(stream_node_max_entries, "stream-node-max-entries", NULL, "100"),
    BYTES(hll_sparse_max_bytes, "hll-sparse-max-bytes", NULL, "3000"),
    /* Since Redis 3.2 lists know one size only. */
    OPTION_ROW_GONE("list-max-ziplist-entries"),
    OPTION_ROW_GONE("list-max-ziplist-value"),
};

OPTION_GROUP(type_options, "types", rows, NULL);
