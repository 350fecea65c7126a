/* The tables of all command families. Adding a family: its line here and in all.c. */
#ifndef COMMANDS_ALL_H
#define COMMANDS_ALL_H

#include "dispatch/command.h"

extern const struct command_spec connection_commands[];
extern const struct command_spec client_commands[];
extern const struct command_spec introspection_commands[];
extern const struct command_spec server_commands[];
extern const struct command_spec debug_commands[];
extern const struct command_spec config_commands[];
extern const struct command_spec info_commands[];
extern const struct command_spec observability_commands[];
extern const struct command_spec string_commands[];
extern const struct command_spec string_range_commands[];
extern const struct command_spec lcs_commands[];
extern const struct command_spec geo_search_commands[];
extern const struct command_spec geo_commands[];
extern const struct command_spec hyperloglog_commands[];
extern const struct command_spec bitfield_commands[];
extern const struct command_spec bitmap_commands[];
extern const struct command_spec list_commands[];
extern const struct command_spec blocking_list_commands[];
extern const struct command_spec blocking_zset_commands[];
extern const struct command_spec transaction_commands[];
extern const struct command_spec wait_commands[];
extern const struct command_spec pubsub_commands[];
extern const struct command_spec monitor_commands[];
extern const struct command_spec set_commands[];
extern const struct command_spec set_algebra_commands[];
extern const struct command_spec keys_commands[];
extern const struct command_spec dump_commands[];
extern const struct command_spec memory_commands[];
extern const struct command_spec sort_commands[];
extern const struct command_spec expire_commands[];
extern const struct command_spec scan_commands[];
extern const struct command_spec object_commands[];
extern const struct command_spec flush_commands[];
extern const struct command_spec zset_commands[];
extern const struct command_spec zset_range_commands[];
extern const struct command_spec zset_algebra_commands[];
extern const struct command_spec hash_commands[];
extern const struct command_spec hash_expiry_commands[];

/* Every table, ended by NULL. */
extern const struct command_spec *const all_commands[];

#endif
