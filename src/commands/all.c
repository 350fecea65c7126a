/* The list of all command tables. */
#include "commands/all.h"

#include <stddef.h>

// clang-format off
const struct command_spec *const all_commands[] = {
    connection_commands,
    client_commands,
    introspection_commands,
    server_commands,
    debug_commands,
    config_commands,
    info_commands,
    observability_commands,
    string_commands,
    string_range_commands,
    lcs_commands,
    geo_search_commands,
    geo_commands,
    hyperloglog_commands,
    bitfield_commands,
    bitmap_commands,
    list_commands,
    blocking_list_commands,
    blocking_zset_commands,
    transaction_commands,
    wait_commands,
    pubsub_commands,
    monitor_commands,
    set_commands,
    set_algebra_commands,
    keys_commands,
    dump_commands,
    memory_commands,
    sort_commands,
    expire_commands,
    scan_commands,
    object_commands,
    flush_commands,
    zset_commands,
    zset_range_commands,
    zset_algebra_commands,
    hash_commands,
    hash_expiry_commands,
    NULL,
};
// clang-format on
