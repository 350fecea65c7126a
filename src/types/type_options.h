/* Thresholds at which values change their encoding. Main thread. */
#ifndef TYPES_TYPE_OPTIONS_H
#define TYPES_TYPE_OPTIONS_H

#include "base/option.h"
#include <stdbool.h>
#include <stdint.h>

struct type_settings {
    int64_t hash_max_listpack_entries;
    int64_t hash_max_listpack_value;
    int64_t set_max_intset_entries;
    int64_t set_max_listpack_entries;
    int64_t set_max_listpack_value;
    int64_t zset_max_listpack_entries;
    int64_t zset_max_listpack_value;
    int64_t
        list_max_listpack_size; /* negative: -1..-5 for 4, 8, 16, 32, 64 KB; positive: entries */
    int64_t list_compress_depth;
    int64_t stream_node_max_bytes;
    int64_t stream_node_max_entries;
    int64_t hll_sparse_max_bytes;
};

extern const struct option_group type_options;

#endif
